"""deteval compare against `coco compare --bootstrap`: `python -m benchmarks.bootstrap A B`, ratios in one run.

Two models on the same ground truth: the detections of a data set, and the same with other scores and boxes. Whole
processes take turns; deteval also from saved evidence. deteval gives the twelve metrics and every class's AP, each
with an interval; `coco compare` the twelve metrics alone. Last, what one core needs per row and replicate.
"""

import json
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.recipes import default_folder
from benchmarks.run import ensure_data

REPLICATES = 1000
SCRIPTS = Path(sysconfig.get_path("scripts"))


@dataclass(frozen=True)
class Timing:
    """Seconds of one program on one data set, the median of some runs, and what it should take at most of the peer."""

    data: str
    program: str
    seconds: float
    runs: int
    limit: float | None


def second_model(folder: Path, seed: int = 2) -> Path:
    """Detections like those of `dt.json`, with noise on scores and boxes: written once, the same bytes every time."""
    import numpy as np

    target = folder / "dt-second.json"
    if not target.exists():
        records = json.loads((folder / "dt.json").read_bytes())
        rng = np.random.default_rng(seed)
        scores = np.clip([one["score"] for one in records] + rng.normal(0, 0.03, len(records)), 0.0, 1.0).tolist()
        moves = rng.normal(0, 0.01, (len(records), 4))
        for record, score, move in zip(records, scores, moves, strict=True):
            x, y, width, height = record["bbox"]
            sides = np.array([width, height, width, height])
            record["score"] = score
            record["bbox"] = (np.array([x, y, width, height]) + move * sides).tolist()
        part = target.with_suffix(".part")
        part.write_text(json.dumps(records))
        part.replace(target)
    return target


def run(arguments: Sequence[str | Path]) -> float:
    """Seconds of a whole process, whose output is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([str(one) for one in arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return time.perf_counter() - start


def compare_programs(name: str, data: Path, repeats: int, peer_repeats: int) -> list[Timing]:
    """Both programs, and deteval from evidence, taking turns."""
    truth, base, new = data / "gt.json", data / "dt.json", second_model(data)
    with tempfile.TemporaryDirectory() as folder:
        evidence = [Path(folder) / f"{one}.evidence.npz" for one in ("base", "new")]
        for file, saved in zip((base, new), evidence, strict=True):
            run([SCRIPTS / "deteval", "score", file, truth, "--save-evidence", saved])
        options = ["--replicates", str(REPLICATES), "--format", "json"]
        peer: list[str | Path] = [
            SCRIPTS / "coco", "compare", "--gt", truth, "--dt-a", base, "--dt-b", new, "--bootstrap",
            str(REPLICATES), "--json"]
        commands: dict[str, list[str | Path]] = {
            "deteval compare": [SCRIPTS / "deteval", "compare", base, new, "--gt", truth, *options],
            "deteval compare, evidence": [SCRIPTS / "deteval", "compare", *evidence, *options],
        }
        if (SCRIPTS / "coco").exists():
            commands["coco compare"] = peer
        seconds: dict[str, list[float]] = {program: [] for program in commands}
        for turn in range(repeats):
            for program, arguments in commands.items():
                if program != "coco compare" or turn < peer_repeats:
                    seconds[program].append(run(arguments))
                    click.echo(f"{name} {program}: {seconds[program][-1]:.2f} s", err=True)
    limits = {"deteval compare": 1 / 10, "deteval compare, evidence": 1 / 15}
    return [Timing(name, program, median(taken), len(taken), limits.get(program)) for program, taken in seconds.items()]


def lane_seconds(data: Path, blocks: int = 8) -> float:
    """Nanoseconds per detection and replicate of AP over all thresholds, on one thread: the best of three."""
    import numpy as np

    import deteval
    from deteval.measures import Ranked
    from deteval.replicates import LANES, replicate

    truth = deteval.load_ground_truth(data / "gt.json")
    ranked = Ranked(deteval.match(truth, deteval.load_detections(data / "dt.json", truth)))
    images = len(truth.images)
    draws = np.random.default_rng(1).multinomial(images, np.full(images, 1 / images), (blocks, LANES))
    weights = np.ascontiguousarray(draws.transpose(0, 2, 1)).astype(np.uint8)
    metrics = deteval.parse_metrics("AP")
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        replicate(ranked, metrics, metrics, weights, threads=1)
        taken.append(time.perf_counter() - start)
    return min(taken) / (blocks * LANES) / len(ranked.evidence) * 1e9


@click.command()
@click.argument("data", nargs=-1)
@click.option("--repeats", type=click.IntRange(1), default=5)
@click.option("--peer-repeats", type=click.IntRange(1), default=1, help="Repeats of coco compare.")
def main(data: tuple[str, ...], repeats: int, peer_repeats: int) -> None:
    """Time a bootstrap of 1,000 replicates on DATA (A and B by default), in both programs."""
    if not shutil.which("coco", path=str(SCRIPTS)):
        click.echo("coco is not installed: deteval alone is timed", err=True)
    lines = ["| data | program | seconds | of coco compare | at most |", "|---|---|---:|---:|---:|"]
    for name in data or ("A", "B"):
        folder = ensure_data(name, default_folder())
        timings = compare_programs(name, folder, repeats, peer_repeats)
        peer = next((one.seconds for one in timings if one.limit is None), None)
        for one in timings:
            share = f"{one.seconds / peer:.3f}" if peer else ""
            limit = "" if one.limit is None else f"{one.limit:.3f}"
            lines.append(f"| {name} | {one.program} | {one.seconds:.2f} | {share} | {limit} |")
        lines.append(f"| {name} | ns per detection and replicate, one core | {lane_seconds(folder):.2f} | | 4 |")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
