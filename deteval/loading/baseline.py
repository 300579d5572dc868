"""A score JSON, or an evidence file, as the baseline of a gate."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from deteval.errors import DetevalError, shortened, usage_error
from deteval.loading.evidence_file import is_evidence, load_evidence
from deteval.loading.operating_points_file import parse_operating_points
from deteval.loading.settings import SETTINGS
from deteval.loading.source import Text, read_text
from deteval.records.baseline import Baseline, BaselineClass, settings_of
from deteval.records.metric import parse_metric
from deteval.records.params import signature
from deteval.records.run import Run
from deteval.records.score_cuts import Origin
from deteval.records.scores import SCHEMA, settings_dict

HOW = "write one with deteval score PREDS GT --format json -o baseline.json"

Value = Annotated[float, Meta(ge=0, le=1.000001)] | None
Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Class(Struct):
    id: int | str
    name: str
    n_gt: Count
    metrics: dict[str, Value]


class _Document(Struct):
    """The fields of a score JSON that a gate reads."""

    schema: str
    signature: str
    fingerprint: str
    settings: dict[str, Any]
    metrics: dict[str, Value]
    undefined: dict[str, str]
    totals: dict[str, Count]
    classes: list[_Class]
    not_comparable: list[str] = []
    evidence: str | None = None


def load_baseline(path: str) -> Baseline:
    """The baseline of a score JSON, with the evidence it names if that is there; or that of an evidence file.

    Errors: `DetevalError` (usage) for a file that is missing, unreadable or something else, and for evidence that does
    not belong to it.
    """
    if is_evidence(path):
        return _from_evidence(path, _load(path, "give another baseline"))
    document = _decode(path)
    baseline = Baseline(
        name=path, signature=document.signature, fingerprint=document.fingerprint, settings=document.settings,
        metrics=document.metrics, undefined=document.undefined, totals=document.totals,
        classes=tuple(BaselineClass(one.id, one.name, one.n_gt, one.metrics) for one in document.classes),
        not_comparable=tuple(document.not_comparable),
    )
    if document.evidence is None:
        return replace(baseline, why_unpaired=f"{path} names no evidence")
    beside = Path(path).parent / document.evidence
    if not _is_there(beside, path) and _is_there(Path(document.evidence), path):  # a JSON that went through stdout
        beside = Path(document.evidence)
    if not _is_there(beside, path):
        return replace(baseline, why_unpaired=f"{beside}, the evidence that {path} names, is not there")
    run = _load(str(beside), f"{path} names it as its evidence: write both anew with deteval score --save-evidence")
    _check_belongs(run, baseline, str(beside))
    return replace(baseline, run=run, evidence=str(beside))


def _from_evidence(path: str, run: Run) -> Baseline:
    """Its numbers are measured when they are asked for."""
    return Baseline(
        name=path, signature=signature(run.evidence.params), fingerprint=run.fingerprint,
        settings=settings_dict(run.evidence.params) | dict(run.reading), metrics={}, undefined={}, totals={},
        classes=(), not_comparable=run.not_comparable, run=run, evidence=path,
    )


def _decode(path: str) -> _Document:
    text = read_text(path)
    if not isinstance(text, Text):
        raise usage_error(f"{text.message}; a baseline is a score JSON: {HOW}")
    try:
        document = msgspec.json.decode(bytes(text.data), type=_Document)
    except msgspec.MsgspecError as error:
        raise usage_error(f"{path}: is not a score JSON ({error}); {HOW}") from None
    except RecursionError:
        raise usage_error(f"{path}: is not a score JSON; {HOW}") from None
    if document.schema != SCHEMA:
        raise usage_error(f"{path}: schema {document.schema!r} is not {SCHEMA}; {HOW}")
    _check_settings(document.settings, path)
    for name in {name: None for one in document.classes for name in one.metrics}:
        try:
            parse_metric(name)
        except DetevalError as error:
            raise usage_error(f"{path}: classes: {error}; {HOW}") from None
    return document


def _check_settings(settings: dict[str, Any], path: str) -> None:
    """Refuse (usage) values that no score JSON holds."""
    for name, value in settings.items():
        if name == "operating_points" and isinstance(value, dict):
            _check_score_cuts(value, path)
            continue
        for one in value if isinstance(value, list) else [value]:
            whole = isinstance(one, int) and abs(one) >= 2**63
            if whole or not isinstance(one, (str, int, float, bool, type(None))):
                raise usage_error(f"{path}: settings.{name}: {shortened(one)} is no text, number or boolean; {HOW}")


def _check_score_cuts(value: dict[str, Any], path: str) -> None:
    try:
        parse_operating_points(value)
    except DetevalError as error:
        raise usage_error(f"{path}: settings.{error}; {HOW}") from None


def _is_there(evidence: Path, path: str) -> bool:
    """Whether there is such a file; `DetevalError` (usage) if there can be none."""
    try:
        evidence.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise usage_error(f"{path}: evidence: {shortened(str(evidence))} cannot be read: {reason}") from None
    return True


def inherited_settings(baseline: Baseline) -> dict[str, Any]:
    """Its settings by option name, as a new run takes them over."""
    values = {name: value for name, value in baseline.settings.items() if name in SETTINGS and value not in (None, [])}
    if isinstance(values.get("operating_points"), dict):  # for messages about classes that the ground truth lacks
        origin = Origin(f"{baseline.name}: settings.operating_points")
        values["operating_points"] = replace(parse_operating_points(values["operating_points"]), origin=origin)
    return values


def _load(path: str, remedy: str) -> Run:
    """Evidence of the baseline; that it is broken is a usage error, as all that is wrong with a baseline is."""
    try:
        return load_evidence(path)
    except DetevalError as error:
        raise usage_error(f"{error}; {remedy}") from None


def _check_belongs(run: Run, baseline: Baseline, name: str) -> None:
    """Refuse evidence that was written by another run than the JSON."""
    theirs = signature(run.evidence.params)
    for what, ours, other in (("settings", settings_of(baseline.signature), settings_of(theirs)),
                              ("ground truth", baseline.fingerprint, run.fingerprint)):
        if ours != other:
            raise usage_error(f"{baseline.name}: its evidence {name} is that of another run: {what} {other} instead of "
                              f"{ours}; write both anew with deteval score --save-evidence")
