"""Time the programs side by side: `python -m benchmarks.run A B`.

Every measurement is a fresh process. All programs take turns, in an order that moves on by one each round, so
that whatever else the machine does falls on all of them alike.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.agreement import OURS, Agreement, compare
from benchmarks.measure import FailedRun, Sample, measure
from benchmarks.peers import NAMES, PROGRAMS, Program, installed_version
from benchmarks.recipes import PRESETS, default_folder, describe
from benchmarks.report import machine, markdown, plain, summarise, table

REPOSITORY = Path(__file__).resolve().parent.parent
LARGE = 300e6  # bytes of detections from which `small_only` programs stay out


def ensure_data(name: str, folder: Path) -> Path:
    """The folder with a data set's two files, written now if it is a preset that is not there yet."""
    target = folder.resolve() / name
    if not all((target / part).exists() for part in ("gt.json", "dt.json")):
        if name not in PRESETS:
            raise click.UsageError(f"no data set {name}: neither a preset nor a folder with gt.json and dt.json")
        click.echo(f"writing data set {name}", err=True)
        command = [sys.executable, "-m", "benchmarks.generate", name, "--folder", str(folder.resolve())]
        subprocess.run(command, check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    return target


def choose_programs(only: Sequence[str], data: Path) -> list[Program]:
    """The programs named by `only`, else all that are installed and suited to the size of the data."""
    if only:
        return [program for program in PROGRAMS if program.name in only]
    large = (data / "dt.json").stat().st_size > LARGE
    suited = [program for program in PROGRAMS if not (large and program.small_only)]
    return [program for program in suited if installed_version(program) is not None]


def run_rounds(
    programs: Sequence[Program], data: Path, repeats: int, slow_repeats: int, *, warm_only: bool = False
) -> tuple[list[Sample], list[str]]:
    """Samples of all programs, warm and whole processes in turn, and a line for every program that failed."""
    for part in ("gt.json", "dt.json"):
        _read_through(data / part)  # so that the first program does not wait for the disk
    jobs = [(program, warm) for program in programs for warm in (True, False)[: 1 if warm_only else 2]
            if program.api or not warm]
    samples: list[Sample] = []
    failed: dict[str, str] = {}
    for number in range(repeats):
        turn = number % len(jobs)
        for program, warm in jobs[turn:] + jobs[:turn]:
            if program.name in failed or (program.slow and number >= slow_repeats):
                continue
            way = "warm" if warm else "process"
            click.echo(f"{data.name} {number + 1}/{repeats} {program.name} ({way})", err=True)
            try:
                samples.append(measure(program, data / "gt.json", data / "dt.json", warm))
            except FailedRun as error:
                failed[program.name] = str(error)
    order = [program.name for program in programs]
    return sorted(samples, key=lambda sample: order.index(sample.program)), list(failed.values())


def _read_through(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(2**20):
            pass


def _heading(data: Path) -> str:
    sizes = (f"{part} {(data / part).stat().st_size / 1e6:.1f} MB" for part in ("gt.json", "dt.json"))
    recipe = f"{describe(PRESETS[data.name])}; " if data.name in PRESETS else ""
    return f"{data.name}: {recipe}{', '.join(sizes)}"


def _as_json(data: Path, samples: Sequence[Sample], notes: Sequence[str]) -> dict[str, object]:
    return {
        "heading": _heading(data),
        "notes": list(notes),
        "medians": [asdict(row) for row in summarise(samples)],
        "samples": [asdict(sample) for sample in samples],
    }


@click.command(context_settings={"show_default": True})
@click.argument("data", nargs=-1)
@click.option("--only", multiple=True, type=click.Choice([program.name for program in PROGRAMS]), help="Repeatable.")
@click.option("--repeats", type=click.IntRange(1), default=7)
@click.option("--slow-repeats", type=click.IntRange(1), default=3, help="Repeats of pycocotools.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the data sets are.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all samples.")
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path, dir_okay=False), help="Write it.")
def main(
    data: tuple[str, ...],
    only: tuple[str, ...],
    repeats: int,
    slow_repeats: int,
    folder: Path | None,
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Time programs on data sets (A and B by default), check that they agree, print medians and ratios.

    Exit code 1 if deteval fails or gives other numbers than pycocotools, or than most where that did not run.
    """
    about = machine()
    versions = {program.package: installed_version(program) or "not installed" for program in PROGRAMS}
    lines = [f"{key}: {value}" for key, value in about.items()]
    lines.append("versions: " + ", ".join(f"{package} {version}" for package, version in versions.items()))
    click.echo("\n".join(lines))
    document = [*(f"- {line}" for line in lines)]
    results: dict[str, object] = {}
    good = True
    for name in data or ("A", "B"):
        target = ensure_data(name, folder or default_folder())
        samples, failures = run_rounds(choose_programs(only, target), target, repeats, slow_repeats)
        agreement = compare(samples)
        notes = [*failures, *agreement.lines]
        good = good and _sound(agreement, failures)
        cells = table(summarise(samples))
        click.echo("\n".join(("", _heading(target), plain(cells), *(f"* {note}" for note in notes))))
        document += ["", f"### {_heading(target)}", "", markdown(cells), "", *(f"- {note}" for note in notes)]
        results[name] = _as_json(target, samples, notes)
    if markdown_file is not None:
        markdown_file.write_text("\n".join(document) + "\n", encoding="utf-8")
    if json_file is not None:
        everything = {"machine": about, "versions": versions, "metrics": NAMES, "data": results}
        json_file.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if good else 1)


def _sound(agreement: Agreement, failures: Sequence[str]) -> bool:
    """Whether deteval, if it took part, ran through and agreed."""
    return not agreement.ours_differs and not any(line.startswith(f"{name}:") for line in failures for name in OURS)


if __name__ == "__main__":
    main()
