"""Weighted counts in descending score order, and the interpolated precision that follows from them.

Integer counters throughout: a precision exists only at a true positive, so every other detection costs an increment.
"""

from deteval.kernels.compiled import kernel

EPSILON = 2.220446049250313e-16
"""np.spacing(1), which the reference adds to the denominator of precision."""


@kernel(
    "int64(int64, int64, int64[::1], int64[::1], int32[::1], int32[::1], int64[::1], uint32[::1], uint32[::1], "
    "float64[::1], int64[::1], int64, int64, int64, int64, int64[::1], float64[::1], "
    "int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1])"
)
def interpolated_precision(first_class, last_class, starts, order, image, rank, weights,
                           true_positive, ignored, scores, positives, area, areas, words, cap, thresholds,
                           recall_points, kept, event_row, event_hits, event_precision, out, out_scores):
    """Precision at every recall point, for some classes at one area range and cap (cocoeval.py, accumulate).

    order[starts[k]:starts[k + 1]]: the rows of class k by descending score. weights: whole numbers per image; an
    image of weight w counts as w copies with adjacent ids. positives: weighted ground truths per class that are not
    ignored. thresholds: positions of thresholds. kept and the three event arrays: scratch as long as the longest
    class. out: (classes, thresholds, recall points), -1 where a class has no positive. out_scores: the same shape
    for the score at each point, or empty. Returns 0.
    """
    points = recall_points.size
    for k in range(first_class, last_class):
        base = k * thresholds.size * points
        if positives[k] == 0:
            for i in range(base, base + thresholds.size * points):
                out[i] = -1.0
            for i in range(base, base + thresholds.size * points if out_scores.size else 0):
                out_scores[i] = -1.0
            continue
        n_kept = 0
        for i in range(starts[k], starts[k + 1]):
            row = order[i]
            if rank[row] < cap and weights[image[row]] > 0:
                kept[n_kept] = row
                n_kept += 1
        for slot in range(thresholds.size):
            word, bit = thresholds[slot] >> 5, thresholds[slot] & 31
            hits, misses, events = 0, 0, 0
            for i in range(n_kept):
                row = kept[i]
                position = (row * areas + area) * words + word
                if (true_positive[position] >> bit) & 1:
                    hits += weights[image[row]]
                    event_row[events] = row
                    event_hits[events] = hits
                    event_precision[events] = hits / (misses + hits + EPSILON)
                    events += 1
                elif not (ignored[position] >> bit) & 1:
                    misses += weights[image[row]]
            for e in range(events - 2, -1, -1):
                event_precision[e] = max(event_precision[e], event_precision[e + 1])
            e = 0
            for point in range(points):
                while e < events and event_hits[e] / positives[k] < recall_points[point]:
                    e += 1
                cell = base + slot * points + point
                out[cell] = event_precision[e] if e < events else 0.0
                if out_scores.size:
                    out_scores[cell] = scores[event_row[e]] if e < events else 0.0
                    if recall_points[point] <= 0.0 and n_kept > 0:  # the top-ranked detection, hit or not
                        out_scores[cell] = scores[kept[0]]
    return 0


@kernel(
    "int64(int64, int64, int64[::1], int32[::1], int32[::1], int64[::1], uint32[::1], uint32[::1], "
    "float64[::1], float64, int64, int64, int64, int64, int64[::1], int64[::1], int64[::1])"
)
def outcome_counts(first_class, last_class, starts, image, rank, weights,
                   true_positive, ignored, scores, score_cut, area, areas, words, cap, thresholds,
                   hits, misses):
    """True and false positives with a score of at least score_cut, for some classes at one area range and cap.

    Rows starts[k]..starts[k + 1] are those of class k, in any order. hits, misses: (classes, thresholds), zero at
    first. Detections that are ignored count neither way. Returns 0.
    """
    for k in range(first_class, last_class):
        for row in range(starts[k], starts[k + 1]):
            if rank[row] >= cap or scores[row] < score_cut:
                continue
            weight = weights[image[row]]
            for slot in range(thresholds.size):
                position = (row * areas + area) * words + (thresholds[slot] >> 5)
                bit = thresholds[slot] & 31
                if (true_positive[position] >> bit) & 1:
                    hits[k * thresholds.size + slot] += weight
                elif not (ignored[position] >> bit) & 1:
                    misses[k * thresholds.size + slot] += weight
    return 0
