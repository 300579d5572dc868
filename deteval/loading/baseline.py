"""A score JSON, or an evidence file, as the baseline of a gate."""

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from deteval.errors import DetevalError, usage_error
from deteval.loading.evidence_file import is_evidence, load_evidence
from deteval.loading.settings import SETTINGS
from deteval.loading.source import Text, read_text
from deteval.records.baseline import Baseline, BaselineClass, settings_of
from deteval.records.params import signature
from deteval.records.run import Run
from deteval.records.scores import SCHEMA, settings_dict

HOW = "write one with deteval score PREDS GT --format json -o baseline.json"

Value = Annotated[float, Meta(ge=0, le=1.000001)] | None
Count = Annotated[int, Meta(ge=0)]


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
        return _from_evidence(path, load_evidence(path))
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
    if not beside.exists() and os.path.exists(document.evidence):  # a JSON that went through stdout names it from here
        beside = Path(document.evidence)
    if not beside.exists():
        return replace(baseline, why_unpaired=f"{beside}, the evidence that {path} names, is not there")
    run = _load(beside, path)
    _check_belongs(run, baseline, str(beside))
    return replace(baseline, run=run)


def _from_evidence(path: str, run: Run) -> Baseline:
    """Its numbers are measured when they are asked for."""
    return Baseline(
        name=path, signature=signature(run.evidence.params), fingerprint=run.fingerprint,
        settings=settings_dict(run.evidence.params) | dict(run.reading), metrics={}, undefined={}, totals={},
        classes=(), not_comparable=run.not_comparable, run=run,
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
    return document


def inherited_settings(baseline: Baseline) -> dict[str, Any]:
    """Its settings by option name, as a new run takes them over."""
    return {name: value for name, value in baseline.settings.items() if name in SETTINGS and value not in (None, [])}


def _load(beside: Path, path: str) -> Run:
    try:
        return load_evidence(str(beside))
    except DetevalError as error:
        raise usage_error(f"{error}; {path} names it as its evidence: write both anew with deteval score "
                          "--save-evidence") from None


def _check_belongs(run: Run, baseline: Baseline, name: str) -> None:
    """Refuse evidence that was written by another run than the JSON."""
    theirs = signature(run.evidence.params)
    for what, ours, other in (("settings", settings_of(baseline.signature), settings_of(theirs)),
                              ("ground truth", baseline.fingerprint, run.fingerprint)):
        if ours != other:
            raise usage_error(f"{baseline.name}: its evidence {name} is that of another run: {what} {other} instead of "
                              f"{ours}; write both anew with deteval score --save-evidence")
