"""Medians and ratios of the samples, as a table on the terminal and in markdown."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.measure import Sample

HEADINGS = (
    "program",
    "1st call s",
    "2nd call s",
    "/deteval",
    "/pycocotools",
    "process s",
    "/deteval",
    "/pycocotools",
    "peak MiB",
    "runs",
)


@dataclass(frozen=True)
class Row:
    """Medians of one program on one data set; seconds and bytes, None where it was not measured that way.

    `peak_bytes` is of a process that scores once, `warm_peak_bytes` of one that scores twice.
    """

    program: str
    runs: int
    first: float | None
    second: float | None
    process: float | None
    peak_bytes: float | None
    warm_peak_bytes: float | None


def summarise(samples: Sequence[Sample]) -> list[Row]:
    """One row per program, in the order in which the programs first appear."""
    rows = []
    for name in dict.fromkeys(sample.program for sample in samples):
        warm = [sample for sample in samples if sample.program == name and sample.warm]
        cold = [sample for sample in samples if sample.program == name and not sample.warm]
        rows.append(
            Row(
                program=name,
                runs=max(len(warm), len(cold)),
                first=_median(sample.first for sample in warm),
                second=_median(sample.second for sample in warm),
                process=_median(sample.seconds for sample in cold),
                peak_bytes=_median(sample.peak_bytes for sample in cold),
                warm_peak_bytes=_median(sample.peak_bytes for sample in warm),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Cells of the table, headings first. A ratio is a program's time over deteval's or pycocotools'.

    Whole processes are held against `deteval score`.
    """
    second = {row.program: row.second for row in rows}
    process = {row.program: row.process for row in rows}
    whole = process.get("deteval score") or process.get("deteval")
    cells: list[tuple[str, ...]] = [HEADINGS]
    for row in rows:
        cells.append(
            (
                row.program,
                _seconds(row.first),
                _seconds(row.second),
                _ratio(row.second, second.get("deteval")),
                _ratio(row.second, second.get("pycocotools")),
                _seconds(row.process),
                _ratio(row.process, whole),
                _ratio(row.process, process.get("pycocotools")),
                "" if row.peak_bytes is None else f"{row.peak_bytes / 2**20:,.0f}",
                str(row.runs),
            )
        )
    return cells


def plain(cells: Sequence[Sequence[str]]) -> str:
    """The table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for name, *rest in cells:
        padded = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join((name.ljust(widths[0]), *padded)).rstrip())
    return "\n".join(lines)


def markdown(cells: Sequence[Sequence[str]]) -> str:
    """The table in markdown."""
    rule = ["---"] + ["---:"] * (len(cells[0]) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], rule, *cells[1:]))


def machine() -> dict[str, str]:
    """What the numbers depend on, without anything that names the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu_model(),
        "cores": str(cores),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _median(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return median(present) if present else None


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _ratio(value: float | None, unit: float | None) -> str:
    return "" if value is None or not unit else f"{value / unit:.3g}"
