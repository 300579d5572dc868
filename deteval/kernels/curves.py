"""Weighted counts in descending score order, and the interpolated precision that follows from them.

Integer counters throughout. Most detections are matched at no threshold: each costs one increment for all of them,
and a precision is computed at true positives only.
"""

from deteval.kernels.compiled import helper, kernel

EPSILON = 2.220446049250313e-16
"""np.spacing(1), which the reference adds to the denominator of precision."""


@helper
def decided(first, second, position, words):
    """Whether any threshold has a bit in either of two bit sets."""
    for word in range(words):
        if first[position + word] | second[position + word]:
            return True
    return False


@helper
def at_every_threshold(flags, position, thresholds):
    """Whether a bit set holds every threshold."""
    for word in range((thresholds + 31) // 32):
        if flags[position + word] != (1 << min(32, thresholds - 32 * word)) - 1:
            return False
    return True


@kernel(
    "int64(int64, int64, int64[::1], int64[::1], int32[::1], int32[::1], int64[::1], uint32[::1], uint32[::1], "
    "float64[::1], int64[::1], int64[::1], int64, int64, int64, int64, float64[::1], int64, int64[::1], int64[::1], "
    "int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1])"
)
def interpolated_precision(first_class, last_class, starts, order, image, rank, weights,
                           true_positive, ignored, scores, positives, wanted, areas, cap, classes, thresholds,
                           recall_points, room, kept, events, hits, passed_over, event_row, event_hits,
                           event_precision, out, out_scores):
    """Precision at every recall point, for some classes at some area ranges and a cap (cocoeval.py, accumulate).

    order[starts[k]:starts[k + 1]]: the rows of class k by descending score. weights: whole numbers per image; an
    image of weight w counts as w copies with adjacent ids. wanted: positions of area ranges. positives: weighted
    ground truths that are not ignored, (wanted, classes). room: at least the ground truths of any of the classes.
    kept: scratch per wanted area; events, hits, passed_over: per wanted area and threshold; event_row, event_hits,
    event_precision: `room` for each of those. out: (wanted, classes, thresholds, recall points), -1 where a class has
    no positive. out_scores: the same shape for the score at each point, or empty. Returns 0.
    """
    words, points = (thresholds + 31) // 32, recall_points.size
    for k in range(first_class, last_class):
        for i in range(wanted.size * thresholds):
            events[i], hits[i], passed_over[i] = 0, 0, 0
        for a in range(wanted.size):
            kept[a] = 0
        top_row = -1
        for i in range(starts[k], starts[k + 1]):
            row = order[i]
            weight = weights[image[row]]
            if rank[row] >= cap or weight == 0:
                continue
            if top_row < 0:
                top_row = row
            for a in range(wanted.size):
                position = (row * areas + wanted[a]) * words
                if at_every_threshold(ignored, position, thresholds):
                    continue
                kept[a] += weight
                if not decided(true_positive, ignored, position, words):
                    continue
                for t in range(thresholds):
                    lane = a * thresholds + t
                    if (true_positive[position + (t >> 5)] >> (t & 31)) & 1:
                        hits[lane] += weight
                        event = lane * room + events[lane]
                        events[lane] += 1
                        event_row[event] = row
                        event_hits[event] = hits[lane]
                        event_precision[event] = hits[lane] / (kept[a] - passed_over[lane] + EPSILON)
                    elif (ignored[position + (t >> 5)] >> (t & 31)) & 1:
                        passed_over[lane] += weight
        for lane in range(wanted.size * thresholds):
            a, t = lane // thresholds, lane % thresholds
            base = ((a * classes + k) * thresholds + t) * points
            positive = positives[a * classes + k]
            first, last = lane * room, lane * room + events[lane]
            for event in range(last - 2, first - 1, -1):
                event_precision[event] = max(event_precision[event], event_precision[event + 1])
            event = first
            for point in range(points):
                while event < last and event_hits[event] / positive < recall_points[point]:
                    event += 1
                out[base + point] = -1.0 if positive == 0 else event_precision[event] if event < last else 0.0
                if out_scores.size:
                    score = scores[event_row[event]] if event < last else 0.0
                    if recall_points[point] <= 0.0 and top_row >= 0:  # the top-ranked detection, hit or not
                        score = scores[top_row]
                    out_scores[base + point] = -1.0 if positive == 0 else score
    return 0


@kernel(
    "int64(int64, int64, int64[::1], int32[::1], int32[::1], int64[::1], uint32[::1], uint32[::1], float64[::1], "
    "float64, int64, int64[::1], int64, int64[::1], int64[::1], int64[::1])"
)
def outcome_counts(first_class, last_class, starts, image, rank, weights,
                   true_positive, ignored, scores, score_cut, areas, caps, thresholds, kept, hits, misses):
    """True and false positives with a score of at least score_cut, for some classes at every cap and area range.

    Rows starts[k]..starts[k + 1] are those of class k, in any order; caps ascend. hits, misses: (classes, caps,
    areas, thresholds), kept: scratch (classes, caps, areas), all zero at first. Detections that are ignored count
    neither way. Returns 0.
    """
    words = (thresholds + 31) // 32
    for k in range(first_class, last_class):
        for row in range(starts[k], starts[k + 1]):
            weight = weights[image[row]]
            cap = 0
            while cap < caps.size and rank[row] >= caps[cap]:
                cap += 1
            if cap == caps.size or weight == 0 or scores[row] < score_cut:
                continue
            for area in range(areas):
                cell = (k * caps.size + cap) * areas + area
                position = (row * areas + area) * words
                if at_every_threshold(ignored, position, thresholds):
                    continue
                kept[cell] += weight
                if not decided(true_positive, ignored, position, words):
                    continue
                for t in range(thresholds):
                    if (true_positive[position + (t >> 5)] >> (t & 31)) & 1:
                        hits[cell * thresholds + t] += weight
                        misses[cell * thresholds + t] -= weight
                    elif (ignored[position + (t >> 5)] >> (t & 31)) & 1:
                        misses[cell * thresholds + t] -= weight
        for cap in range(caps.size):  # counts of a cap include those of the smaller ones
            for area in range(areas):
                cell = (k * caps.size + cap) * areas + area
                before = cell - areas
                for t in range(thresholds):
                    misses[cell * thresholds + t] += kept[cell]
                    if cap > 0:
                        hits[cell * thresholds + t] += hits[before * thresholds + t]
                        misses[cell * thresholds + t] += misses[before * thresholds + t]
    return 0


@kernel("int64(int64, int64, int64[::1], int64[::1], float64[::1])")
def tied_rows(first_class, last_class, starts, order, scores):
    """How many rows of some classes have a score that another row of their class has too."""
    tied = 0
    for k in range(first_class, last_class):
        run = 1
        for i in range(starts[k] + 1, starts[k + 1] + 1):
            if i < starts[k + 1] and scores[order[i]] == scores[order[i - 1]]:
                run += 1
            else:
                tied += run if run > 1 else 0
                run = 1
    return tied
