"""Runs on disk: a `.npz` file of columns with a JSON header, no pickle, nothing compressed.

Integer columns are stored in the smallest type that holds their values and loaded in the type that `Evidence` has, so
that a file is small and loading takes little more than reading it. Equal runs give equal bytes.
"""

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NoReturn

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.lib import format as npy
from numpy.typing import NDArray

from deteval.errors import DetevalError, shortened, usage_error
from deteval.loading.evidence_checks import problem_of
from deteval.loading.source import ZIP
from deteval.records.dataset import Categories, Ids, Images, Input
from deteval.records.evidence import Detail, Evidence
from deteval.records.findings import Finding
from deteval.records.params import Params, signature
from deteval.records.run import Run
from deteval.whole_file import whole_file

FORMAT = "deteval.evidence/1"
HEADER = "header.json"
BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)
"""The date of every member, so that equal runs give equal bytes."""
COLUMNS: dict[str, type[np.generic]] = {
    "image": np.int32, "category": np.int32, "rank": np.int32, "scores": np.float64, "row": np.int64,
    "true_positive": np.uint32, "ignored": np.uint32,
    "gt_image": np.int32, "gt_category": np.int32, "gt_row": np.int64, "gt_ignored": np.bool_, "found": np.uint32,
}
DETAIL_COLUMNS: dict[str, type[np.generic]] = {
    "taken": np.int64, "similarity": np.float64, "best_same": np.int64, "best_same_similarity": np.float64,
    "best_other": np.int64, "best_other_similarity": np.float64,
}
LONGEST_PROBLEM = 300
"""Characters of a message that come from the file."""
_SMALLER = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)


class _Header(Struct, frozen=True):
    """Everything but columns of numbers. image_ids, category_ids: where they are strings, else they are columns.

    detail: positions of the thresholds of the detail table; None without one. signature: for readers of the file.
    """

    format: str
    name: str
    fingerprint: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    signature: str
    params: Params
    file_names: tuple[str | None, ...]
    fields: dict[str, tuple[str | int | float | bool | None, ...]]
    category_names: tuple[str, ...]
    image_ids: tuple[str, ...] | None = None
    category_ids: tuple[str, ...] | None = None
    detail: tuple[int, ...] | None = None
    not_comparable: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: tuple[Input, ...] = ()
    reading: dict[str, Any] = {}
    versions: dict[str, str] = {}


def is_evidence(path: str | Path) -> bool:
    """Whether a file begins as saved evidence does; False for one that cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(ZIP)) == ZIP
    except (OSError, ValueError):
        return False


def save_evidence(path: str | Path, run: Run) -> None:
    """Write a run to a file, whole or not at all; `DetevalError` (usage) if it cannot be written."""
    if not isinstance(run, Run):
        raise usage_error(f"save_evidence: {type(run).__name__} was given, what deteval.make_run returns is needed")
    evidence, detail = run.evidence, run.evidence.detail
    header = _as_json(run)
    columns = {name: getattr(evidence, name) for name in COLUMNS}
    columns |= {"width": evidence.images.width, "height": evidence.images.height}
    for name, ids in (("image_ids", evidence.images.ids), ("category_ids", evidence.categories.ids)):
        columns |= {} if _is_text(ids) else {name: ids}
    if detail is not None:
        columns |= {f"detail_{name}": getattr(detail, name) for name in DETAIL_COLUMNS}
    with whole_file(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        _write(archive, HEADER, header)
        for name, column in columns.items():
            buffer = io.BytesIO()
            npy.write_array(buffer, _compact(column), allow_pickle=False)
            _write(archive, f"{name}.npy", buffer.getbuffer())


def _as_json(run: Run) -> bytes:
    """The header in ASCII, which holds any text, lone surrogates too."""
    try:
        header = msgspec.to_builtins(_header(run))
        cuts = run.evidence.params.operating_points
        if cuts is not None:  # +inf has a word
            spelled = cuts.to_dict()
            header["params"]["operating_points"] = {**spelled, "classes": list(spelled["classes"].items())}
        return json.dumps(header, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise usage_error(f"save_evidence: reading options or image fields hold what JSON cannot: {error}") from None


def _header(run: Run) -> _Header:
    evidence = run.evidence
    images, categories = evidence.images, evidence.categories
    return _Header(
        format=FORMAT, name=run.name, fingerprint=run.fingerprint, signature=signature(evidence.params),
        params=evidence.params, file_names=images.file_names, fields=images.fields, category_names=categories.names,
        image_ids=tuple(images.ids.tolist()) if _is_text(images.ids) else None,
        category_ids=tuple(categories.ids.tolist()) if _is_text(categories.ids) else None,
        detail=None if evidence.detail is None else evidence.detail.thresholds,
        not_comparable=run.not_comparable, findings=run.findings, inputs=run.inputs, reading=run.reading,
        versions=run.versions,
    )


def _is_text(ids: Ids) -> bool:
    return ids.dtype == object


def _compact(column: NDArray[Any]) -> NDArray[Any]:
    """The column in the smallest type that holds its values."""
    if column.dtype.kind in "iu" and column.size:
        low, high = int(column.min()), int(column.max())
        for kind in _SMALLER:
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return column.astype(kind)
    return np.ascontiguousarray(column)


def _write(archive: zipfile.ZipFile, name: str, data: bytes | memoryview) -> None:
    archive.writestr(zipfile.ZipInfo(name, BEGINNING_OF_TIME), data)


def load_evidence(path: str | Path) -> Run:
    """The run of a file; its `name` is the path. `DetevalError`: usage if it cannot be opened, input if it is damaged,
    of another version, or no evidence.
    """
    try:
        with Path(path).open("rb") as stream:
            return _load(stream, str(path))
    except IsADirectoryError:
        raise usage_error(f"{path}: is a directory, a file is needed") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise usage_error(f"{path}: cannot be read: {reason}") from None


def _load(stream: BinaryIO, path: str) -> Run:
    if stream.read(len(ZIP)) != ZIP:
        raise DetevalError(f"{path}: holds no evidence; deteval score PREDS GT --save-evidence FILE writes it")
    try:
        with zipfile.ZipFile(stream) as archive:
            header = _read_header(archive, path)
            run = _run(header, archive, path)
        problem = problem_of(run.evidence)
    except DetevalError:
        raise
    except zipfile.BadZipFile as error:
        raise _damaged(path, str(error)[:1].lower() + str(error)[1:]) from None
    except Exception as error:  # zipfile, zlib, ast and numpy raise some twenty kinds over a damaged file
        raise _damaged(path, str(error) or type(error).__name__) from None
    if problem:
        raise _damaged(path, problem)
    return run


def _damaged(path: str, problem: str) -> DetevalError:
    return DetevalError(f"{path}: the evidence is damaged ({_quoted(problem)}); copy or write it again")


def _quoted(text: str) -> str:
    """What may come from the file: in one line, without control characters, not endless."""
    return shortened(" ".join(text.split()), LONGEST_PROBLEM)[1:-1]


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member; ValueError if it is compressed, as a few bytes may become any number then."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    return archive.read(name)


def _read_header(archive: zipfile.ZipFile, path: str) -> _Header:
    if HEADER not in archive.namelist():
        raise DetevalError(f"{path}: is a zip archive that holds no evidence; deteval score PREDS GT --save-evidence "
                           "FILE writes it")
    header = json.loads(_read(archive, HEADER), parse_constant=_no_number)
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        raise DetevalError(f"{path}: holds {_quoted(str(found or 'something'))}, this version of deteval reads "
                           f"{FORMAT}; save the evidence again with this version")
    try:
        return msgspec.convert(header, _Header)
    except DetevalError as error:  # settings that Params refuses
        raise _damaged(path, f"its settings: {error}") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{HEADER} holds {text}")


def _run(header: _Header, archive: zipfile.ZipFile, path: str) -> Run:
    members = set(archive.namelist())

    def column(name: str, kind: type[np.generic]) -> NDArray[Any]:
        if f"{name}.npy" not in members:
            raise ValueError(f"lacks {name}.npy")
        return _column(_read(archive, f"{name}.npy"), name, np.dtype(kind))

    def ids(name: str, texts: tuple[str, ...] | None) -> Ids:
        return column(name, np.int64) if texts is None else np.array(texts, dtype=object)

    detail = None
    if header.detail is not None:
        columns = {name: column(f"detail_{name}", kind) for name, kind in DETAIL_COLUMNS.items()}
        detail = Detail(thresholds=header.detail, **columns)
    evidence = Evidence(
        params=header.params,
        images=Images(ids("image_ids", header.image_ids), header.file_names, column("width", np.float64),
                      column("height", np.float64), header.fields),
        categories=Categories(ids("category_ids", header.category_ids), header.category_names),
        **{name: column(name, kind) for name, kind in COLUMNS.items()}, detail=detail,
    )
    return Run(evidence=evidence, name=path, fingerprint=header.fingerprint, not_comparable=header.not_comparable,
               findings=header.findings, inputs=header.inputs, reading=header.reading, versions=header.versions)


def _column(data: bytes, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
    """A column in its own type; ValueError if the bytes are none that can become it."""
    stream = io.BytesIO(data)
    version = npy.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"{name} is a .npy of version {version}")
    with warnings.catch_warnings(action="ignore"):
        shape, by_column, stored = npy.read_array_header_1_0(stream)
    start = stream.tell()
    count = int(np.prod([int(side) for side in shape], dtype=object)) if shape else 1
    if by_column or not np.can_cast(stored, kind, "same_kind" if kind.kind in "iu" else "no"):
        raise ValueError(f"{name} holds {stored}")
    if min(shape, default=0) < 0 or len(data) - start != count * stored.itemsize:
        raise ValueError(f"{name} is not as long as it says")
    column = np.frombuffer(data, stored, count, start).reshape(shape)
    if not np.can_cast(stored, kind) and column.size:
        bounds = np.iinfo(kind)
        if int(column.min()) < bounds.min or int(column.max()) > bounds.max:
            raise ValueError(f"{name} holds numbers beyond {kind}")
    return column.astype(kind)
