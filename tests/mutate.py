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
OPERATING, OPERATING_CLI = "tests/test_operating_points.py", "tests/test_operating_cli.py"
OPERATING_YAML = "tests/test_operating_yaml.py"
NMS, CUTS = "tests/test_nms.py", "tests/test_score_cuts.py"
CURVES, POINTS, AXES = "tests/test_cut_curves.py", "tests/test_sweep_points.py", "tests/test_sweep_axes.py"
WORDS = "tests/test_sweep_words.py"
SWEEP = "tests/test_sweep_cli.py tests/test_sweep_refusals.py tests/test_sweep_file.py"
INFLUENCE, EXPLAIN = "tests/test_influence.py", "tests/test_explain.py"
KINDS, CONFUSION = "tests/test_error_kinds.py", "tests/test_confusion.py"
SUSPECTS, CALIBRATION = "tests/test_suspects.py", "tests/test_calibration.py"
INPUTS = "tests/test_input_changes.py tests/test_explain_broken.py"
PAGE, TARGETS = "tests/test_page.py", "tests/test_targets.py"
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
    Mutation("mean in another order", "averages.py", "np.ascontiguousarray(block.transpose(1, 2, 0))",
             "np.ascontiguousarray(block)", EXACT),
    Mutation("macro over all classes", "averages.py", "with_truth = classes[counts.positives > 0]",
             "with_truth = np.nan_to_num(classes)", MEASURES),
    Mutation("ignored ground truth counts", "measures.py", "kept = np.where(self.evidence.gt_ignored.T, 0,",
             "kept = np.where(self.evidence.gt_ignored.T & False, 0,", EXACT),
    Mutation("agnostic order by file", "grouping.py", "counting_order(side.source_category, len(category_position))[0]",
             "None",
             EXACT),
    Mutation("score cut of the run exclusive", "grouping.py", "detections.scores >= params.min_score",
             "detections.scores > params.min_score", MEASURES),
    Mutation("NMS limit inclusive", "kernels/suppression.py", "if iou > limit:", "if iou >= limit:", NMS),
    Mutation("what was suppressed suppresses", "kernels/suppression.py", "if dropped[d] == 0:", "if True:", NMS),
    Mutation("groups as before NMS", "suppression.py", "np.searchsorted(places, rows.starts)",
             'np.searchsorted(places, rows.starts, "right")', NMS),
    Mutation("the reference sees what was suppressed", "studies/crosscheck.py", "if evidence.params.nms is not None:",
             "if False:", NMS),
    Mutation("score cut of a class exclusive", "grouping.py", "detections.scores >= cuts[detections.category]",
             "detections.scores > cuts[detections.category]", CUTS),
    Mutation("the default cuts every class", "records/categories.py", "values[without] = cuts.default",
             "values[:] = cuts.default", CUTS),
    Mutation("sweep: the file beats the option", "cli/sweep_request.py", "values = dict(config.settings) | options",
             "values = options | dict(config.settings)", SWEEP),
    Mutation("sweep: points are not looked at first", "cli/sweep_request.py", "        check_points(plan)\n",
             "        pass\n", SWEEP),
    Mutation("sweep: all images", "cli/sweep.py", "request.plan, images=images,", "request.plan,", SWEEP),
    Mutation("sweep: only the first model is checked early", "cli/sweep_models.py", "            findings += more\n",
             "            pass\n", SWEEP),
    Mutation("sweep: stdin is read twice", "cli/sweep_models.py", "if STDIN in files:", "if False:", SWEEP),
    Mutation("sweep: the row of another point stands out", "reports/sweep_table.py", "row = row * length + position",
             "row = row + position", SWEEP),
    Mutation("sweep: settings must fit the default similarity", "loading/sweep_axes.py",
             'return shared | ({"similarity": axes["similarity"].values[0]} if "similarity" in axes else {})',
             "return shared", SWEEP),
    Mutation("sweep: every end of an axis is open", "best_points.py", " or axis.values[here] is None", "", WORDS),
    Mutation("sweep: an end that is as good is open", "best_points.py", "line[order[-2]] < line[here]",
             "line[order[-2]] <= line[here]", WORDS),
    Mutation("sweep: a minimum is exclusive", "best_points.py", "good &= column >= least", "good &= column > least",
             WORDS),
    Mutation("sweep: flat below the minimum", "best_points.py", "_line(chosen, number, position) for",
             "_line(values, number, position) for", WORDS),
    Mutation("sweep: nothing is best of all zeros", "best_points.py", "    if value == 0:", "    if False:", WORDS),
    Mutation("sweep: images without detections of all classes", "studies/sweep.py",
             "scored = select_categories(ground_truth.categories, plan.base)[1] >= 0",
             "scored = np.ones(len(ground_truth.categories), bool)", POINTS),
    Mutation("sweep: ties across classes", "cuts.py", "    same[rows.starts] = False\n", "", POINTS),
    Mutation("sweep: caps are not looked at first", "records/sweep_cells.py", "for name in CELL_AXES for i in range",
             "for name in CELL_AXES[:2] for i in range", POINTS),
    Mutation("sweep: score cut exclusive", "kernels/cut_curves.py", "scores[row] >= cut", "scores[row] > cut", CURVES),
    Mutation("sweep: cap inclusive", "kernels/cut_curves.py", "if rank[row] < cap and", "if rank[row] <= cap and",
             CURVES),
    Mutation("sweep: no epsilon", "kernels/cut_curves.py", "(kept[k] - passed_over[cell] + EPSILON)",
             "(kept[k] - passed_over[cell])", CURVES),
    Mutation("sweep: precision is not interpolated", "kernels/cut_curves.py", "best = max(best, event_precision[",
             "best = max(0.0, event_precision[", CURVES),
    Mutation("sweep: a recall point later", "kernels/cut_curves.py", "needed[k * points + point] > events",
             "needed[k * points + point] >= events", CURVES),
    Mutation("sweep: lowest cut first", "cuts.py", "sorted(due, reverse=True)", "sorted(due)", CURVES),
    Mutation("sweep: a metric's own score cut lowers that of the point", "cuts.py", "(max(cut, own) for",
             "(min(cut, own) for", CURVES),
    Mutation("sweep: matched at the highest score cut", "studies/sweep.py", "lowest = min(_score_cuts(plan))",
             "lowest = max(_score_cuts(plan))", POINTS),
    Mutation("sweep: near thresholds are one", "records/sweep_cells.py",
             "tuple(params.iou[t] for t in cell.thresholds)",
             "tuple(round(params.iou[t], 9) for t in cell.thresholds)", POINTS),
    Mutation("sweep: flat over worse neighbours", "best_points.py", "if axis.ascending is None:", "if True:", POINTS),
    Mutation("sweep: scores in binary steps", "loading/sweep_axes.py",
             "[float(start + place * step) for place in range(len(numbers))]", "list(numbers)", AXES),
    Mutation("operating points: equal scores are parted", "operating.py", "block_end[:-1] = scores[1:] != scores[:-1]",
             "block_end[:-1] = 1", OPERATING),
    Mutation("operating points: ignored detections count", "operating.py",
             "kept = (evidence.ignored[:, 0, word] & bit) == 0", "kept = evidence.ignored[:, 0, word] >= 0", OPERATING),
    Mutation("operating points: beta not squared", "operating.py",
             "parameter = float(criterion.beta) ** 2 if", "parameter = float(criterion.beta) if", OPERATING),
    Mutation("operating points: of equal ones the lowest score", "kernels/operating.py", "better = value > best",
             "better = value >= best and hits > 0.0", OPERATING),
    Mutation("operating points: a score without weight is a candidate", "kernels/operating.py",
             "better = value >= parameter and kept > state[3 * lanes + lane]", "better = value >= parameter",
             OPERATING),
    Mutation("operating points: score cut exclusive", "kernels/operating.py", "scores[row] >= cuts[lane]",
             "scores[row] > cuts[lane]", OPERATING),
    Mutation("operating points: misses cost no LRP", "kernels/operating.py", "(kept - hits) + (positive - hits)",
             "(positive - hits)", OPERATING),
    Mutation("halves: judged where they chose", "inference/halves.py",
             "Kept(every.hits - mine.hits, every.rows - mine.rows,", "Kept(mine.hits, mine.rows,", OPERATING),
    Mutation("halves: the one that judges says which cut", "inference/operating.py",
             "at(np.where(chosen.positives > 0, own_rows", "at(np.where(chosen.positives >= 0, own_rows", OPERATING),
    Mutation("halves: dust is a loss", "inference/operating.py",
             "np.where(kept.hits > 0, np.maximum(kept.loss, 0.0), 0.0)", "np.maximum(kept.loss, 0.0)", OPERATING),
    Mutation("elsewhere: a maximum is flattered by the mean difference alone", "inference/operating.py",
             "mean if targeted else mean / SEEN", "mean", OPERATING),
    Mutation("elsewhere: intervals not widened", "inference/operating.py", "(difference - mean) / sqrt(SEEN)",
             "(difference - mean)", OPERATING),
    Mutation("verdict: a majority will do", "reports/operating_words.py", "AGREEING = 0.9", "AGREEING = 0.5",
             OPERATING_CLI),
    Mutation("YAML: earlier cuts are lost", "records/operating_points.py",
             "cut = max(cut, before.get(one.name, before.get(str(one.id), floor)))", "pass", OPERATING_YAML),
    Mutation("YAML rounds", "reports/operating_yaml.py", "else repr(threshold)", 'else f"{threshold:.3f}"',
             OPERATING_YAML),
    Mutation("left out twice", "left_out.py", "kept &= mask", "kept &= True", CUTS),
    Mutation("images without detections are emptied", "left_out.py", "with_truth & detected & ~kept",
             "with_truth & ~kept", CUTS),
    Mutation("drop is infinity in JSON", "records/score_cuts.py", "return DROP if cut == math.inf else cut",
             "return cut", CUTS),
    Mutation("cuts differ by where they come from", "records/score_cuts.py",
             "(self.classes, self.default) == (other.classes, other.default)",
             "(self.classes, self.default, self.origin) == (other.classes, other.default, other.origin)", CUTS),
    Mutation("any score cuts compare", "records/params.py",
             'parts.append(f"points:{params.operating_points.digest()}")', "pass", CUTS),
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
    Mutation("influence: every true positive is one segment", "kernels/influence.py",
             "precision[begin - 1] <= precision[end] + TIED", "precision[begin - 1] <= 1.0", INFLUENCE),
    Mutation("influence: no half point at recall 0", "kernels/influence.py", "share += positives / 200.0", "pass",
             INFLUENCE),
    Mutation("influence: what the base loses, new gains", "kernels/influence.py",
             "scale if row >= first_new else -scale", "scale", INFLUENCE),
    Mutation("influence: a row of both counts in the base alone", "kernels/influence.py",
             "new = 1 if row >= first_new or merged[i] < 0 else 0", "new = 1 if row >= first_new else 0", INFLUENCE),
    Mutation("influence: ignored rows are false positives", "kernels/influence.py",
             "elif not (ignored[word] >> bit) & 1 and done[lane] < events[lane]:", "elif done[lane] < events[lane]:",
             INFLUENCE),
    Mutation("influence: models are not mixed", "influence.py", "(NODES[::-1].copy(), NODES, NODE_WEIGHTS)",
             "(NODES, NODES, NODE_WEIGHTS)", INFLUENCE),
    Mutation("influence: classes without truth weigh", "influence.py", "(max(len(chosen), 1) * size)",
             "(len(positives) * size)", INFLUENCE),
    Mutation("changes: another class is badly localised", "differences/changes.py",
             "np.array([ANOTHER_CLASS, BADLY_LOCALISED], np.int8)",
             "np.array([BADLY_LOCALISED, ANOTHER_CLASS], np.int8)", EXPLAIN),
    Mutation("changes: a row of two objects counts twice", "differences/changes.py", "fresh &= ~taken",
             "fresh &= True", EXPLAIN),
    Mutation("changes: fit is rank", "differences/changes.py", "= ~differing", "= differing", EXPLAIN),
    Mutation("changes: what lost objects have instead counts twice", "differences/changes.py",
             "rest[side.instead[of_class & (side.instead >= 0)]] = False", "pass", EXPLAIN),
    Mutation("explanation: drops only", "studies/explain.py", "np.argsort(-np.abs(shares), kind=\"stable\")[:top]",
             "np.argsort(shares, kind=\"stable\")[:top]", "tests/test_explain_cli.py"),
    Mutation("explanation: elsewhere is everywhere", "studies/explain.py", "    rest[order] = 0.0\n", "", EXPLAIN),
    Mutation("explanation: images of all classes", "studies/explain.py", "shared.by_image(k), shared.image_counts(k)",
             "shared.by_image(), shared.image_counts(k)", EXPLAIN),
    Mutation("same detections: one stands for many", "differences/same_detections.py",
             "(mixed([one, repeats(one)]) for one in (base, new))", "(one for one in (base, new))", INPUTS),
    Mutation("identical: but for one thing", "differences/input_changes.py", "if same is None or same.free or not",
             "if same is None or not", INPUTS),
    Mutation("moved boxes: any rule will do", "differences/moved_boxes.py", "EXPLAINED = 0.9",
             "EXPLAINED = 0.0", INPUTS),
    Mutation("error kinds: classification above the threshold", "kernels/mending.py", "elif far >= level:",
             "elif far > level:", KINDS),
    Mutation("error kinds: background inclusive", "kernels/mending.py", "if near >= background and near <= level:",
             "if near > background and near <= level:", KINDS),
    Mutation("mending: found objects are mended", "kernels/mending.py",
             "if target >= 0 and is_open[target] and is_better(", "if target >= 0 and is_better(", KINDS),
    Mutation("mending: of equals the last record", "kernels/mending.py", "record[row] < record[other])",
             "record[row] > record[other])", KINDS),
    Mutation("error kinds: missed objects stay", "diagnosis/mending.py", "n_gt - missed, n_gt - of_unfound",
             "n_gt, n_gt - of_unfound", KINDS),
    Mutation("confusion: ignored objects absorb every class", "kernels/confusion.py",
             "return NONE if is_ignored[g] else OTHER_CLASS", "return ABSORBED if is_ignored[g] else OTHER_CLASS",
             CONFUSION),
    Mutation("confusion: a crowd absorbs one", "kernels/confusion.py", "(taken_by[g] >= 0 and not is_crowd[g])",
             "taken_by[g] >= 0", CONFUSION),
    Mutation("confusion: ignored objects compete", "kernels/confusion.py",
             "merge_sort(order, similarity, 0, counted, scratch)\n        "
             "merge_sort(order, similarity, counted, total, scratch)",
             "merge_sort(order, similarity, 0, total, scratch)", CONFUSION),
    Mutation("confusion: score cut exclusive", "diagnosis/confusion.py", "evidence.scores >= cut",
             "evidence.scores > cut", CONFUSION),
    Mutation("confusion: detections outside the area are wrong", "diagnosis/confusion.py",
             "left_out = absorbed | (~paired & ((sizes < area.low) | (sizes > area.high)))", "left_out = absorbed",
             CONFUSION),
    Mutation("suspects: neighbours of crowds", "diagnosis/suspects.py", "rows[~crowded]", "rows", SUSPECTS),
    Mutation("suspects: any score sees", "diagnosis/suspects.py", "(evidence.scores >= view.floor)",
             "(evidence.scores >= -np.inf)", SUSPECTS),
    Mutation("suspects: one label, many suspects", "diagnosis/suspects.py",
             "return rows[first], detail.best_other[rows[first]]", "return rows, detail.best_other[rows]", SUSPECTS),
    Mutation("relabelling: as many objects as before", "diagnosis/relabelling.py", "int(positives[k]) + edit.more",
             "int(positives[k])", SUSPECTS),
    Mutation("calibration: bins weigh the same", "diagnosis/calibration.py",
             "np.nansum(abs(self.gaps()) * self.n, axis=1) / self.n.sum(axis=1)",
             "np.nanmean(abs(self.gaps()), axis=1)", CALIBRATION),
    Mutation("calibration: shares may fall", "diagnosis/calibration.py", "if rises.all():", "if True:", CALIBRATION),
    Mutation("calibration: intervals of Wald", "diagnosis/calibration.py", "share, square = hits / n, Z * Z / n",
             "share, square = hits / n, 0.0", CALIBRATION),
    Mutation("calibration: bins hold their upper edge", "kernels/tallies.py", "scores[row] < edges[bin_]",
             "scores[row] <= edges[bin_]", CALIBRATION),
    Mutation("curves: the cut of best precision", "score_curves.py", "2.0 * hits / (rows + self.n_gt.sum())",
             "2.0 * hits / rows", "tests/test_score_curves.py"),
    Mutation("curves: a score at a cut is below it", "kernels/tallies.py", "cuts[place + 1] <= score",
             "cuts[place + 1] < score", "tests/test_score_curves.py"),
    Mutation("page: names are HTML", "reports/page/cells.py", "{escape(shown.text)}", "{shown.text}", PAGE),
    Mutation("page: a zero has a sign", "reports/page/cells.py", 'return text if float(text) else text.lstrip("+-")',
             "return text", PAGE),
    Mutation("page: what is not proven has a colour", "reports/page/cells.py",
             'look = "" if shown.tone in ("up", "down") and not proven else shown.tone', "look = shown.tone", PAGE),
    Mutation("page: any script may run", "reports/page/render.py", "script-src {allowed}", "script-src 'unsafe-inline'",
             PAGE),
    Mutation("gate: its evidence is no input", "cli/gate_request.py", "[baseline.evidence, *files_of(",
             "[*files_of(", TARGETS),
    Mutation("files of settings are no inputs", "cli/targets.py", "if given.get(name)), *files_of(given)]",
             "if given.get(name))]", TARGETS),
    Mutation("gate: the largest shares alone", "cli/gate.py", "if len(found.images) == TOP and", "if False and",
             "tests/test_gate_explained.py"),
    Mutation("ids: not the worst first", "reports/image_ids.py", "sorted(result.images, key=lambda one: one.share)",
             "result.images", "tests/test_explain_cli.py"),
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
