"""What a gate compares with: the numbers of a score JSON and, where it was saved, the evidence they came from."""

from typing import Any

from msgspec import Struct

from deteval.records.run import Run


class BaselineClass(Struct, frozen=True):
    """One class of a baseline: values by metric name, None where undefined."""

    id: int | str
    name: str
    n_gt: int
    values: dict[str, float | None]


class Baseline(Struct, frozen=True):
    """A score JSON as a gate reads it.

    name: its file. settings: score's options by name. undefined: why a metric is None. run: the evidence it names,
    None if there is none; why_unpaired says why. evidence: the file of it, "" without. not_comparable: among other
    things, what was allowed.
    """

    name: str
    signature: str
    fingerprint: str
    settings: dict[str, Any]
    metrics: dict[str, float | None]
    undefined: dict[str, str]
    totals: dict[str, int]
    classes: tuple[BaselineClass, ...]
    not_comparable: tuple[str, ...] = ()
    run: Run | None = None
    why_unpaired: str = ""
    evidence: str = ""


def version_of(signature: str) -> str:
    """The version of deteval that stands at the end of a signature, "" without one."""
    return signature.rpartition("|v:")[2] if "|v:" in signature else ""


def settings_of(signature: str) -> str:
    """A signature without the version.

    Another version of deteval alone does not part two results: numbers are held to the reference bit for bit, and an
    update moves one only where its changelog says so. A gate says that versions differ, and goes on.
    """
    return signature.rpartition("|v:")[0] or signature
