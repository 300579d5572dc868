"""`deteval sweep` and `deteval operating-points` against one score: `python -m benchmarks.thresholds B`.

Whole processes take turns, so that ratios of one run mean something; times and peak memory are medians. Peers do what
they offer nearest to it: faster-coco-eval its extended metrics (one threshold for all classes, read off its match),
hotcoco one evaluation per point, in one process that reads the files once.
"""

import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import click

from benchmarks.measure import FailedRun, run_process
from benchmarks.recipes import default_folder
from benchmarks.run import ensure_data

SCRIPTS = Path(sysconfig.get_path("scripts"))
SCORE, CUTS, SIMILARITIES, POINTS = "score", "sweep, 19 score cuts", "sweep, 4 similarities x 3 IoU", "operating-points"
EXTENDED, PER_POINT = "faster-coco-eval, extended metrics", "hotcoco, once per point"
METRICS = "metrics: [AP, AR, precision, recall, F1]"
SWEEPS = {
    CUTS: f'sweep: {{min_score: ".05:.95:.05"}}\n{METRICS}\n',
    SIMILARITIES: f'sweep: {{similarity: [iou, giou, diou, ciou], iou: [.5, .75, ".5:.95:.05"]}}\n{METRICS}\n',
}
WIDE = "sweep, 1,080 points"
WIDE_SWEEP = f"""sweep:
  iou: [.5, .75, ".5:.95:.05"]
  min_score: ".05:.90:.05"
  max_dets: [1, 10, 50, 100, 300]
  area: [all, small, medium, large]
{METRICS}
"""
LIMITS = {CUTS: 2.0, SIMILARITIES: 5.0, POINTS: 1.5}
MOST_MEMORY, LEAST_OVER_PEERS = 1.5, 10.0

EXTENDED_METRICS = """
import sys
from faster_coco_eval import COCO, COCOeval_faster
gt = COCO(sys.argv[1])
run = COCOeval_faster(gt, gt.loadRes(sys.argv[2]), "bbox", extra_calc=True)
run.run()
run.extended_metrics
"""
ONE_BY_ONE = """
import json, sys
from hotcoco import COCO, COCOeval
gt = COCO(sys.argv[1])
found = json.load(open(sys.argv[2]))
for step in range(1, 20):
    run = COCOeval(gt, gt.load_res([one for one in found if one["score"] >= step * 0.05]), "bbox")
    run.run()
"""


@dataclass(frozen=True)
class Row:
    """A program: median seconds and peak MiB of some whole processes."""

    program: str
    seconds: float
    peak: float
    runs: int


def commands_for(data: Path, folder: Path) -> dict[str, list[str]]:
    """Every program by name."""
    truth, found, deteval = str(data / "gt.json"), str(data / "dt.json"), str(SCRIPTS / "deteval")
    commands = {SCORE: [deteval, "score", found, truth, "--format", "json"]}
    for name, text in {**SWEEPS, WIDE: WIDE_SWEEP}.items():
        file = folder / f"{len(commands)}.yaml"
        file.write_text(f"version: 1\nground_truth: {truth}\npredictions: {{model: {found}}}\n{text}")
        commands[name] = [deteval, "sweep", str(file), "--format", "csv"]
    commands[POINTS] = [deteval, "operating-points", found, truth, "--format", "json"]
    for name, package, script in ((EXTENDED, "faster_coco_eval", EXTENDED_METRICS), (PER_POINT, "hotcoco", ONE_BY_ONE)):
        if find_spec(package):
            commands[name] = [sys.executable, "-c", script, truth, found]
        else:
            click.echo(f"{package} is not installed", err=True)
    return commands


def time_all(commands: Mapping[str, list[str]], repeats: int, peer_repeats: int) -> list[Row]:
    """Medians of processes that take turns."""
    samples: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    for turn in range(repeats):
        for name, arguments in commands.items():
            if name in (EXTENDED, PER_POINT) and turn >= peer_repeats:
                continue
            try:
                seconds, peak, _ = run_process(name, arguments)
            except FailedRun as error:
                click.echo(str(error), err=True)
                continue
            samples[name].append((seconds, peak))
            click.echo(f"{name}: {seconds:.2f} s", err=True)
    return [Row(name, median(one for one, _ in taken), median(one for _, one in taken) / 2**20, len(taken))
            for name, taken in samples.items() if taken]


def table(data: str, rows: Sequence[Row]) -> list[str]:
    """Markdown lines: seconds and memory of each, in scores; and how much longer a peer takes for its part."""
    by_name = {row.program: row for row in rows}
    score = by_name[SCORE]
    peers = {CUTS: PER_POINT, POINTS: EXTENDED}
    lines = []
    for row in rows:
        peer = by_name.get(peers.get(row.program, ""))
        cells = [data, row.program, f"{row.seconds:.2f}", f"{row.seconds / score.seconds:.2f}",
                 f"{LIMITS[row.program]:g}" if row.program in LIMITS else "", f"{row.peak:,.0f}",
                 f"{row.peak / score.peak:.2f}", f"{peer.seconds / row.seconds:.0f}" if peer else "", str(row.runs)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


@click.command()
@click.argument("data", nargs=-1)
@click.option("--repeats", type=click.IntRange(1), default=7)
@click.option("--peer-repeats", type=click.IntRange(1), default=1, help="Repeats of the peers.")
def main(data: tuple[str, ...], repeats: int, peer_repeats: int) -> None:
    """Time sweeps and operating points on DATA (B by default)."""
    lines = [(f"| data | program | s | of a score | at most | MiB | of a score (at most {MOST_MEMORY:g}) | "
             f"the peer takes longer (at least {LEAST_OVER_PEERS:g}) | runs |"),
             "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for name in data or ("B",):
        folder = ensure_data(name, default_folder())
        with tempfile.TemporaryDirectory() as scratch:
            lines += table(name, time_all(commands_for(folder, Path(scratch)), repeats, peer_repeats))
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
