"""deteval against its targets: `python -m benchmarks.targets`, which also writes the README's table.

Ratios within one run on one machine: medians of interleaved fresh processes. The first run after installation is
measured on an installation of its own, made from this folder.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.agreement import compare
from benchmarks.measure import Sample
from benchmarks.peers import PROGRAMS, installed_version
from benchmarks.recipes import default_folder
from benchmarks.report import Row, machine, markdown, summarise
from benchmarks.run import REPOSITORY, ensure_data, run_rounds

RUST = ("hotcoco", "ultrafast-pycocotools")
OURS = ("deteval", "deteval score")
START, END = "<!-- benchmark -->", "<!-- /benchmark -->"
COUNTS = {"B": 500_000, "C": 5_000_000}


@dataclass(frozen=True)
class Target:
    """A measured value against what it should be at most."""

    what: str
    against: str
    value: float | None
    limit: float

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        if self.value is None:
            return (self.what, self.against, "not measured", f"{self.limit:g}", "")
        met = "yes" if self.value <= self.limit else "no"
        return (self.what, self.against, f"{self.value:.2f}", f"{self.limit:g}", met)


Tables = dict[str, dict[str, Row]]


def all_targets(tables: Tables, first_run: float | None, help_ratio: float) -> list[Target]:
    """Every target, from the medians by data set and program."""
    def ours_over(data: str, mine: str, others: Sequence[str], value: Callable[[Row], float | None]) -> float | None:
        rows = tables.get(data, {})
        values = [value(rows[name]) for name in others if name in rows]
        present = [one for one in values if one is not None]
        own = value(rows[mine]) if mine in rows else None
        return own / min(present) if present and own is not None else None

    second, process = (lambda row: row.second), (lambda row: row.process)
    rust, command = "the faster Rust peer", "`coco eval`"
    found = [Target(f"second call in a warm process, {name}", rust, ours_over(name, "deteval", RUST, second), limit)
             for name, limit in (("B", 0.55), ("A", 0.55), ("B2", 0.55), ("A2", 0.55), ("C", 0.6), ("D", 0.6))]
    for name, limit, of_command in (("B", 0.6, 0.15), ("A", 0.85, 0.25)):
        found.append(Target(f"whole process `deteval score`, {name}", f"{rust}'s shortest script",
                            ours_over(name, "deteval score", RUST, process), limit))
        found.append(Target(f"whole process `deteval score`, {name}", command,
                            ours_over(name, "deteval score", ("coco eval",), process), of_command))
    found.append(Target("the first run after `pip install .`, A", "its later runs", first_run, 1.2))
    found.append(Target("`deteval --help`", '`python -c "import click"`', help_ratio, 1.3))
    for name in ("B", "C"):
        found.append(Target(f"peak memory, {name}", "the leaner Rust peer",
                            ours_over(name, "deteval", RUST, lambda row: row.warm_peak_bytes), 1.0))
    seconds = {name: tables[name]["deteval"].second for name in COUNTS if "deteval" in tables.get(name, {})}
    per_detection = {name: value / COUNTS[name] for name, value in seconds.items() if value is not None}
    found.append(Target("time per detection, C", "B", per_detection["C"] / per_detection["B"]
                        if len(per_detection) == 2 else None, 1.2))
    found += [Target(f"second call in a warm process, {name}", "pycocotools",
                     ours_over(name, "deteval", ("pycocotools",), second), 1 / 40) for name in ("A", "B")]
    return found


def median_seconds(commands: Sequence[Sequence[str]], repeats: int) -> list[float]:
    """Median seconds of each command, run in turn."""
    seconds: list[list[float]] = [[] for _ in commands]
    for _ in range(repeats):
        for command, times in zip(commands, seconds, strict=True):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
            times.append(time.perf_counter() - start)
    return [median(times) for times in seconds]


def first_run_ratio(data: Path, repeats: int = 3) -> float:
    """The very first run of a fresh installation over the median of its later ones; the median of some."""
    ratios = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            python = f"{folder}/bin/python"
            subprocess.run([python, "-m", "pip", "install", "-q", str(REPOSITORY)], check=True, capture_output=True)
            subprocess.run([python, "-c", "import numpy, click, msgspec"], check=True)  # others' bytecode is not ours
            command = [f"{folder}/bin/deteval", "score", str(data / "dt.json"), str(data / "gt.json"), "-q"]
            first = median_seconds([command], 1)[0]
            ratios.append(first / median_seconds([command], 7)[0])
    return median(ratios)


def measure_all(folder: Path, repeats: int, names: Sequence[str]) -> tuple[Tables, list[str]]:
    """Medians by data set and program, and a line for everything that failed or differed."""
    tables: Tables = {}
    notes: list[str] = []
    for name in names:
        target = ensure_data(name, folder)
        wanted = (*OURS, *RUST, "coco eval", "pycocotools") if name in ("A", "B") else ("deteval", *RUST)
        programs = [program for program in PROGRAMS if program.name in wanted and installed_version(program)]
        samples: list[Sample]
        samples, failures = run_rounds(programs, target, repeats, 1, warm_only=name not in ("A", "B"))
        notes += [f"{name}: {line}" for line in [*failures, *compare(samples).lines]]
        tables[name] = {row.program: row for row in summarise(samples)}
    return tables, notes


def report(targets: Sequence[Target], tables: Tables, notes: Sequence[str]) -> str:
    """The README's block: targets, medians and what they depend on."""
    about = machine()
    versions = {program.package: installed_version(program) or "not installed" for program in PROGRAMS}
    medians = [("data", "program", "2nd call s", "process s", "peak MiB")]
    for name, rows in tables.items():
        medians += [(name, row.program,
                     *("" if value is None else f"{value:.3f}" for value in (row.second, row.process)),
                     "" if (peak := row.warm_peak_bytes or row.peak_bytes) is None else f"{peak / 2**20:,.0f}")
                    for row in rows.values()]
    lines = [
        "Ratios from one run of `python -m benchmarks.targets` ([how](benchmarks/README.md)); smaller is better.", "",
        markdown([("what", "against", "measured", "at most", "met"), *(target.cells() for target in targets)]), "",
        markdown(medians), "",
        ", ".join(f"{key} {value}" for key, value in (about | versions).items()) + ".",
    ]
    return "\n".join([*lines, *(f"\n- {note}" for note in notes)])


@click.command(context_settings={"show_default": True})
@click.option("--repeats", type=click.IntRange(1), default=7)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the data sets are.")
@click.option("--data", "names", default="A,B,A2,B2,C,D", help="Data sets to measure.")
@click.option("--first-run/--no-first-run", default=True, help="Measure the first run of fresh installations.")
@click.option("--readme/--no-readme", default=True, help="Write the README's table.")
def main(repeats: int, folder: Path | None, names: str, first_run: bool, readme: bool) -> None:
    """Measure every target, print the table, and write it into the README. Exit code 1 if one is missed."""
    tables, notes = measure_all(folder or default_folder(), repeats, names.split(","))
    ratio = first_run_ratio(ensure_data("A", folder or default_folder())) if first_run else None
    scripts = Path(sys.executable).parent
    commands = [str(scripts / "deteval"), "--help"], [sys.executable, "-c", "import click"]
    ours, click_alone = median_seconds(commands, 25)
    targets = all_targets(tables, ratio, ours / click_alone)
    text = report(targets, tables, notes)
    click.echo(text)
    if readme:
        page = REPOSITORY / "README.md"
        before, _, rest = page.read_text("utf-8").partition(START)
        page.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", "utf-8")
    click.echo(json.dumps({target.what + " / " + target.against: target.value for target in targets}), err=True)
    sys.exit(0 if all(target.value is None or target.value <= target.limit for target in targets) else 1)


if __name__ == "__main__":
    main()
