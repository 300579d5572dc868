"""`deteval explain` against one comparison without resampling: `python -m benchmarks.explain B`.

Two models on the same ground truth, as in `benchmarks.bootstrap`; whole processes take turns, from predictions and from
saved evidence; times and peak memory are medians.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import click

from benchmarks.bootstrap import second_model
from benchmarks.measure import run_process
from benchmarks.recipes import default_folder
from benchmarks.run import ensure_data

DETEVAL = [sys.executable, "-m", "deteval"]
COMPARE, EXPLAIN = "compare --replicates 0", "explain --base"
COMPARE_SAVED, EXPLAIN_SAVED = "compare --replicates 0, evidence", "explain --base, evidence"
SCORE, ALONE = "score", "explain, one model"
REFERENCES = {EXPLAIN: COMPARE, EXPLAIN_SAVED: COMPARE_SAVED, ALONE: SCORE}
LIMITS = {EXPLAIN: 3.0, EXPLAIN_SAVED: 3.0}
MOST_MEMORY = 1.5


def commands_for(data: Path, folder: Path) -> dict[str, list[str]]:
    """Every program by name; saves the evidence that some of them take."""
    truth, base, new = str(data / "gt.json"), str(data / "dt.json"), str(second_model(data))
    saved = []
    for name, found in (("base", base), ("new", new)):
        saved.append(str(folder / f"{name}.npz"))
        run_process("save", [*DETEVAL, "score", found, truth, "-q", "--save-evidence", saved[-1], "--detail", ".5"])
    as_json = ["--format", "json"]
    return {
        SCORE: [*DETEVAL, "score", new, truth, *as_json],
        COMPARE: [*DETEVAL, "compare", base, new, "--gt", truth, "--replicates", "0", *as_json],
        EXPLAIN: [*DETEVAL, "explain", new, truth, "--base", base, *as_json],
        COMPARE_SAVED: [*DETEVAL, "compare", *saved, "--replicates", "0", *as_json],
        EXPLAIN_SAVED: [*DETEVAL, "explain", saved[1], "--base", saved[0], *as_json],
        ALONE: [*DETEVAL, "explain", new, truth, *as_json],
    }


def time_all(commands: Mapping[str, list[str]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median seconds and peak MiB of processes that take turns."""
    samples: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, arguments in commands.items():
            seconds, peak, _ = run_process(name, arguments)
            samples[name].append((seconds, peak))
            click.echo(f"{name}: {seconds:.2f} s", err=True)
    return {name: (median(one for one, _ in taken), median(one for _, one in taken) / 2**20)
            for name, taken in samples.items()}


def table(data: str, found: Mapping[str, tuple[float, float]], repeats: int) -> Sequence[str]:
    """Markdown lines: seconds and memory of each, and of what it is held against."""
    lines = []
    for name, (seconds, peak) in found.items():
        reference = REFERENCES.get(name)
        ratios = ["", ""] if reference is None else [
            f"{seconds / found[reference][0]:.2f}", f"{peak / found[reference][1]:.2f}"]
        limit = f"{LIMITS[name]:g}" if name in LIMITS else ""
        lines.append(f"| {' | '.join([data, name, f'{seconds:.2f}', ratios[0], limit, f'{peak:,.0f}', ratios[1]])} | "
                     f"{repeats} |")
    return lines


@click.command()
@click.argument("data", nargs=-1)
@click.option("--repeats", type=click.IntRange(1), default=7)
def main(data: tuple[str, ...], repeats: int) -> None:
    """Time explanations of DATA (B by default); a model alone is held against its score, two against a comparison."""
    lines = [f"| data | program | s | ratio | at most | MiB | ratio (at most {MOST_MEMORY:g}) | runs |",
             "|---|---|---:|---:|---:|---:|---:|---:|"]
    for name in data or ("B",):
        folder = ensure_data(name, default_folder())
        with tempfile.TemporaryDirectory() as scratch:
            lines += table(name, time_all(commands_for(folder, Path(scratch)), repeats), repeats)
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
