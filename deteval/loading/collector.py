"""Gathers what is wrong: one finding per code and field, with the first case in words and a count."""

from typing import Any

import numpy as np
from msgspec import Struct

from deteval.errors import and_more, place
from deteval.records.dataset import Bools, Ints
from deteval.records.findings import Finding

MISSING: Any = object()
"""What could not be read; a finding says why."""
TOO_DEEP = "lists or objects are nested too deeply to be read"


class _Case(Struct):
    message: str
    count: int
    severity: str
    firm: bool
    more: bool


class Collector:
    """Findings of one file. The first case of each code and field is kept in words, the others are counted."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._cases: dict[tuple[str, str, str], _Case] = {}

    def record(self, code: str, section: str, index: int | None, field: str, problem: str, count: int = 1, *,
               severity: str = "", firm: bool = False, more: bool = True) -> None:
        """Note a case in a record: `file: section[index].field: problem`.

        more: the count follows; without it, the problem says in its own words how many cases there are.
        """
        key = (code, f"{section}.{field.partition('[')[0]}", severity)
        if key in self._cases:
            self._cases[key].count += count
            return
        message = f"{place(self.file, section, index, field)}: {problem}"
        self._cases[key] = _Case(message, count, severity, firm, more)

    def file_level(self, code: str, problem: str, count: int = 1) -> None:
        """Note something about the whole file, which says in its own words how many cases there are."""
        self._cases[code, problem, ""] = _Case(f"{place(self.file)}: {problem}", count, "", False, more=False)

    def add(self, finding: Finding) -> None:
        """Note a finding that is worded already."""
        self._cases[finding.code, finding.message, ""] = _Case(finding.message, finding.count, "", False, more=False)

    def rows(self, code: str, section: str, row: Ints, wrong: Bools, field: str, problem: str) -> None:
        """Note every row of a mask; `problem` words the first."""
        positions = np.flatnonzero(wrong)
        if len(positions):
            self.record(code, section, int(row[positions[0]]), field, problem, len(positions))

    def findings(self) -> list[Finding]:
        """All findings, in the order in which their first cases came."""
        return [
            Finding(code, case.count, case.message + (and_more(case.count) if case.more else ""),
                    case.severity, case.firm)
            for (code, _, _), case in self._cases.items()
        ]
