"""By what a score cut is chosen."""

import math

from msgspec import Struct

from deteval.errors import usage_error
from deteval.records.numbers import number_text

F_MEASURE, PRECISION, RECALL, LRP = "f", "precision", "recall", "lrp"
KINDS = (F_MEASURE, PRECISION, RECALL, LRP)
LRP_PARTS = ("LRP", "LRP_localisation", "LRP_FP", "LRP_FN")
NEAR_ONE = 1e-9
"""The LRP error divides by 1 - IoU: the threshold must be lower than 1 by more than this."""


class Criterion(Struct, frozen=True):
    """By what a cut is chosen. A wrong value raises `DetevalError` (usage).

    kind: "f", the largest F-measure; "precision", the lowest score that reaches the target; "recall", the highest that
    reaches it; "lrp", the smallest LRP error (Oksuz et al. 2021, arXiv 2011.10772). beta: recall counts beta times as
    much as precision in the F-measure, which is reported under every criterion. target: of precision or recall.
    """

    kind: str = F_MEASURE
    beta: float = 1.0
    target: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise usage_error(f"criterion: {self.kind!r} is not one of {', '.join(KINDS)}")
        if isinstance(self.beta, bool) or not isinstance(self.beta, (int, float)) or not 0.01 <= self.beta <= 100:
            raise usage_error(f"beta: {self.beta!r} is not a number from 0.01 to 100; 1 weighs precision and recall "
                              "alike, 2 recall twice as much")
        if (self.target is None) == (self.kind in (PRECISION, RECALL)):
            raise usage_error("target: precision and recall need one, the other criteria take none")
        if self.target is not None and not (isinstance(self.target, (int, float)) and 0 < self.target <= 1):
            raise usage_error(f"target: {self.target!r} is not a number above 0, up to 1")

    @property
    def f_name(self) -> str:
        """The F-measure's name: `F1`, `F0.5`."""
        return f"F{number_text(float(self.beta))}"

    @property
    def rates(self) -> tuple[str, ...]:
        """Names of what is reported of a cut."""
        return (PRECISION, RECALL, self.f_name, *(LRP_PARTS if self.kind == LRP else ()))

    @property
    def main(self) -> str:
        """The rate that a cut is chosen by."""
        return LRP_PARTS[0] if self.kind == LRP else self.f_name if self.target is None else self.kind

    @property
    def free(self) -> str:
        """The rate that varies with the data where cuts are chosen anew: what a target costs, else the main one."""
        return {PRECISION: RECALL, RECALL: PRECISION}.get(self.kind, self.main)

    def __str__(self) -> str:
        """As `chosen` in YAML and JSON: `F1`, `precision=0.9`, `LRP`."""
        if self.target is not None:
            return f"{self.kind}={number_text(float(self.target))}"
        return "LRP" if self.kind == LRP else self.f_name


def parse_target(text: str) -> Criterion:
    """`precision=0.9` or `recall=0.95`; `DetevalError` (usage) otherwise."""
    kind, _, value = text.partition("=")
    try:
        target = float(value)
    except ValueError:
        target = math.nan
    if kind.strip() not in (PRECISION, RECALL) or not 0 < target <= 1:
        raise usage_error(f"target: {text!r} is neither precision=X nor recall=X, with X above 0 and up to 1")
    return Criterion(kind.strip(), target=target)
