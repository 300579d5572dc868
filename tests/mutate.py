"""Do the tests bite? Applies one mutation after the other to a copy and runs the default suite on it.

    python tests/mutate.py [NAME ...]

Each mutation is a change of one place that makes some number or message wrong. It is killed if the suite fails.
Survivors are printed, and the exit code is 1 if there are any. The tests named with a mutation run first, the whole
suite only if they pass.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("deteval", "tests", "fixtures", "configs", "docs", "benchmarks", "README.md", "CHANGELOG.md",
          "CONTRIBUTING.md", "pyproject.toml")


@dataclass(frozen=True)
class Mutation:
    """In `file`, the one occurrence of `old` becomes `new`; `first` are the tests expected to notice."""

    name: str
    file: str
    old: str
    new: str
    first: str


EXACT, MEASURES, SIMILARITY = "tests/test_exactness.py", "tests/test_measures.py", "tests/test_similarity.py"
SCAN = "tests/test_scan.py tests/test_scan_numbers.py"
PROPERTIES, FINDINGS, CLI = "tests/test_properties.py", "tests/test_findings.py", "tests/test_cli.py"
INTERVALS, PAIRED, DRAWS = "tests/test_intervals.py", "tests/test_paired.py", "tests/test_draws.py"
RUNS, EVIDENCE = "tests/test_runs.py", "tests/test_evidence_file.py tests/test_evidence_damage.py"
MUTATIONS = (
    Mutation("threshold exclusive", "kernels/matching.py", "if similarities[pairs + chosen[c]] < best:",
             "if similarities[pairs + chosen[c]] <= best:", EXACT),
    Mutation("threshold of one is one", "kernels/matching.py", "ALMOST_ONE = 1.0 - 1e-10", "ALMOST_ONE = 1.0", EXACT),
    Mutation("of equals the first wins", "kernels/matching.py", "for c in range(count):\n            g = first",
             "for c in range(count - 1, -1, -1):\n            g = first", EXACT),
    Mutation("ignored ground truth competes", "kernels/matching.py", "if is_ignored[g * areas + area] != ignored:",
             "if ignored == 1:", EXACT),
    Mutation("a crowd absorbs one", "kernels/matching.py", "if not is_crowd[g]:\n        flags",
             "if True:\n        flags", EXACT),
    Mutation("area bound exclusive", "kernels/matching.py", "detection_area[d] > area_high[area]",
             "detection_area[d] >= area_high[area]", EXACT),
    Mutation("ground truth area bound exclusive", "evaluation.py", "(area > high)", "(area >= high)", EXACT),
    Mutation("crowd denominator is the union", "kernels/similarity.py", "return intersection / (dw * dh)",
             "return intersection / (dw * dh + gw * gh - intersection)", SIMILARITY),
    Mutation("touching crowd matches", "kernels/similarity.py", "return -inf", "return 0.0", SIMILARITY),
    Mutation("one pixel more", "kernels/similarity.py", "width = min(dx + dw, gx + gw) - max(dx, gx)",
             "width = min(dx + dw, gx + gw) - max(dx, gx) + 1.0", SIMILARITY),
    Mutation("GIoU by union", "kernels/similarity.py", "(max(enclosing - union, 0.0) / enclosing if enclosing > 0.0",
             "(max(enclosing - union, 0.0) / union if union > 0.0", SIMILARITY),
    Mutation("CIoU without alpha", "kernels/similarity.py", "(v * v / (max(1.0 - iou, 0.0) + v) if v > 0.0 else 0.0)",
             "v", SIMILARITY),
    Mutation("unstable insertion", "kernels/ordering.py", "scores[order[j]] < score:", "scores[order[j]] <= score:",
             EXACT),
    Mutation("unstable merge", "kernels/ordering.py", "scores[order[right]] > scores[scratch[left]]",
             "scores[order[right]] >= scores[scratch[left]]", EXACT),
    Mutation("searchsorted right", "kernels/curves.py", "event_hits[event] / positive < recall_points[point]",
             "event_hits[event] / positive <= recall_points[point]", EXACT),
    Mutation("no epsilon", "kernels/curves.py", "(kept[a] - passed_over[lane] + EPSILON)",
             "(kept[a] - passed_over[lane])", EXACT),
    Mutation("no envelope", "kernels/curves.py", "max(event_precision[event], event_precision[event + 1])",
             "event_precision[event]", EXACT),
    Mutation("score at recall 0 is the first hit's", "kernels/curves.py", "if recall_points[point] <= 0.0",
             "if recall_points[point] < 0.0", EXACT),
    Mutation("cap inclusive", "kernels/curves.py", "if rank[row] >= cap or weight == 0:",
             "if rank[row] > cap or weight == 0:", EXACT),
    Mutation("score cut exclusive", "kernels/curves.py", "scores[row] < score_cut", "scores[row] <= score_cut",
             MEASURES),
    Mutation("weights forgotten", "kernels/curves.py", "hits[lane] += weight", "hits[lane] += 1", PROPERTIES),
    Mutation("thresholds of another arithmetic", "records/numbers.py",
             "[float(value) for value in np.linspace(start, stop, round(steps) + 1)]",
             "[start + step * i for i in range(round(steps) + 1)]", EXACT),
    Mutation("mean in another order", "measures.py", "np.ascontiguousarray(block.transpose(1, 2, 0))",
             "np.ascontiguousarray(block)", EXACT),
    Mutation("macro over all classes", "measures.py", "with_truth = classes[counts.positives > 0]",
             "with_truth = np.nan_to_num(classes)", MEASURES),
    Mutation("ignored ground truth counts", "measures.py", "kept = np.where(self.evidence.gt_ignored.T, 0,",
             "kept = np.where(self.evidence.gt_ignored.T & False, 0,", EXACT),
    Mutation("agnostic order by file", "grouping.py", "counting_order(side.source_category, len(category_position))[0]",
             "None",
             EXACT),
    Mutation("score cut of the run exclusive", "grouping.py", "detections.scores >= params.min_score",
             "detections.scores > params.min_score", MEASURES),
    Mutation("merge keeps positions", "records/evidence.py", "image = np.concatenate([where[part.image] for",
             "image = np.concatenate([part.image for", PROPERTIES),
    Mutation("background is every image", "scoring.py", "has_truth[evidence.gt_image] = True", "pass", MEASURES),
    Mutation("undefined becomes zero", "scoring.py", "return None if np.isnan(value) else float(value)",
             "return 0.0 if np.isnan(value) else float(value)", MEASURES),
    Mutation("negative boxes pass", "loading/checks.py", "negative = finite & ((width < 0) | (height < 0))",
             "negative = finite & (width < 0)", FINDINGS),
    Mutation("unknown images pass", "loading/detection_join.py", '_note_unknown("unknown-image",',
             '(lambda *a: None)("unknown-image",', FINDINGS),
    Mutation("unknown ids join the nearest", "loading/join.py", "np.where(known[found] == wanted, found, UNKNOWN)",
             "found", FINDINGS),
    Mutation("corners read as sizes", "loading/detection_join.py", "boxes[:, 2:] - boxes[:, :2]", "boxes[:, 2:]",
             "tests/test_loading.py"),
    Mutation("invalid UTF-8 passes", "loading/source.py", "if not is_ascii(data, threads):", "if False:", FINDINGS),
    Mutation("leading zeros are numbers", "kernels/json_values.py",
             "if digits == 0 or (data[start] == 48 and digits > 1):", "if digits == 0:", SCAN),
    Mutation("float rounding without carry", "kernels/numbers.py", "upper = upper + one", "pass", SCAN),
    Mutation("ties to odd", "kernels/numbers.py", "mantissa = mantissa - one", "pass", SCAN),
    Mutation("pieces are taken unseen", "loading/scan.py", "if piece is None or start != position:",
             "if piece is None:", SCAN),
    Mutation("a field twice passes", "kernels/json_columns.py", "if fields & field:", "if False:", SCAN),
    Mutation("detections of another ground truth", "evaluation.py", "if ours is not theirs and not",
             "if False and not", MEASURES),
    Mutation("errors exit 0", "records/findings.py", "    if not lines:\n        return", "    return", FINDINGS),
    Mutation("evidence of an image too many", "records/subset.py", "image=position[evidence.image[rows]]",
             "image=evidence.image[rows]", RUNS),
    Mutation("detail of other rows", "records/subset.py", "taken=new_row[detail.taken[rows]]",
             "taken=detail.taken[rows]", RUNS),
    Mutation("damaged evidence is measured", "loading/evidence_file.py", "problem = problem_of(run.evidence)",
             'problem = ""', EVIDENCE),
    Mutation("evidence without image fields", "loading/evidence_file.py", "header.fields),", "{}),", EVIDENCE),
    Mutation("any condition of a slice will do", "loading/slices.py", "kept &= _having(", "kept |= _having(",
             "tests/test_slices.py"),
    Mutation("images without a cluster pass", "loading/clusters.py", "    if missing:", "    if False:",
             "tests/test_clusters.py"),
    Mutation("half-written output", "whole_file.py", "os.replace(temporary, target)",
             "os.replace(temporary, str(target) + '.part')", CLI),
    Mutation("an image drawn twice counts once", "inference/weights.py",
             "return np.bincount(drawn, minlength=units * LANES)",
             "return np.minimum(np.bincount(drawn, minlength=units * LANES), 1)", DRAWS),
    Mutation("every block draws the same", "inference/weights.py", "spawn_key=(block,)", "spawn_key=(0,)", DRAWS),
    Mutation("interval not expanded", "inference/intervals.py", "* np.sqrt(units / (units - 1))", "* 1.0", INTERVALS),
    Mutation("standard error with ddof 0", "inference/intervals.py", "(moved * moved).sum(axis=0) / (count - 1)",
             "(moved * moved).sum(axis=0) / count", INTERVALS),
    Mutation("p-value without a floor", "inference/intervals.py", "1.0 / (ordered.finite + 1.0)", "0.0", INTERVALS),
    Mutation("max-T without the t scale", "inference/simultaneous.py",
             "-ndtri(stdtr(degrees, -np.abs(difference) / standard_error))", "np.abs(difference) / standard_error",
             INTERVALS),
    Mutation("replicates not centred", "inference/simultaneous.py", "np.abs(replicates - difference)",
             "np.abs(replicates)", INTERVALS),
    Mutation("constant classes in max-T", "inference/judgement.py", "error >= STILL", "error >= 0", PAIRED),
    Mutation("boxes count as images", "inference/support.py", "_distinct(category, unit, classes)])",
             "np.bincount(category, minlength=classes)])", PAIRED),
    Mutation("frames count as clusters", "inference/support.py",
             "len(np.unique(image if units.cluster is None else units.cluster[image]))", "len(np.unique(image))",
             PAIRED),
    Mutation("verdicts on nine images", "records/resampling.py", "LEAST_UNITS = 10", "LEAST_UNITS = 9", PAIRED),
)


def run(mutation: Mutation) -> str:
    """`killed by FILE`, `survived`, or `does not apply`."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        copy = Path(folder) / "deteval"
        copy.mkdir()
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, copy / name)
        target = copy / "deteval" / mutation.file
        text = target.read_text()
        if text.count(mutation.old) != 1:
            return f"does not apply: found {text.count(mutation.old)} times"
        target.write_text(text.replace(mutation.old, mutation.new))
        for tests in (mutation.first, "tests"):
            if _fails(copy, tests):
                return f"killed by {tests}"
        return "survived"


def _fails(copy: Path, tests: str) -> bool:
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode != 0


def main(names: list[str]) -> int:
    """Run the mutations named, or all."""
    chosen = [mutation for mutation in MUTATIONS if not names or mutation.name in names]
    survivors = 0
    for mutation in chosen:
        outcome = run(mutation)
        survivors += not outcome.startswith("killed")
        sys.stdout.write(f"{mutation.name:40} {outcome}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - survivors} of {len(chosen)} killed\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
