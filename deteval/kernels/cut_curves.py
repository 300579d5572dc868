"""Counts and interpolated precision at many score cuts, from one pass over the detections.

Rows lie in the order of their class, then descending score. A pass goes on from cut to cut, each lower than the one
before, and what it has counted so far is the outcome at the cut. The precision at a true positive depends on the rows
before it alone: it is computed once, and every lower cut uses it. The expressions are those of `curves`.
"""

from deteval.kernels.compiled import kernel
from deteval.kernels.curves import EPSILON, at_every_threshold, decided


@kernel(
    "int64(int64, int64, float64, int64[::1], int64[::1], float64[::1], int32[::1], uint32[::1], uint32[::1], int64, "
    "int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1])"
)
def extend_outcomes(first_class, last_class, cut, starts, gt_starts, scores, rank, true_positive, ignored, areas, area,
                    thresholds, cap, lanes, next_row, kept, hits, passed_over, event_precision):
    """Go on with some classes to the last row with a score of at least `cut`.

    starts, gt_starts: where the rows and the ground truths of each class begin. true_positive, ignored: bits of
    (rows, areas, words). lanes: positions of the thresholds wanted. next_row (classes) is the row to go on from; kept
    (classes) counts rows of rank < cap that are not ignored throughout, hits and passed_over (classes, lanes) true
    positives and ignored ones among them, so that kept - hits - passed_over are false positives.
    event_precision: the precision at the n-th true positive of a lane, at (gt_starts[k] * lanes + lane * ground truths
    of k + n); left alone if it is empty. Returns 0.
    """
    words = (thresholds + 31) // 32
    for k in range(first_class, last_class):
        objects = gt_starts[k + 1] - gt_starts[k]
        row = next_row[k]
        while row < starts[k + 1] and scores[row] >= cut:
            position = (row * areas + area) * words
            if rank[row] < cap and not at_every_threshold(ignored, position, thresholds):
                kept[k] += 1
                if decided(true_positive, ignored, position, words):
                    for lane in range(lanes.size):
                        t, cell = lanes[lane], k * lanes.size + lane
                        if (true_positive[position + (t >> 5)] >> (t & 31)) & 1:
                            hits[cell] += 1
                            if event_precision.size:
                                event = gt_starts[k] * lanes.size + lane * objects + hits[cell] - 1
                                event_precision[event] = hits[cell] / (kept[k] - passed_over[cell] + EPSILON)
                        elif (ignored[position + (t >> 5)] >> (t & 31)) & 1:
                            passed_over[cell] += 1
            row += 1
        next_row[k] = row
    return 0


@kernel("int64(int64, int64, int64[::1], float64[::1], int64[::1])")
def hits_for_recall(first_class, last_class, positives, recall_points, needed):
    """How many true positives reach each recall point, at least 1, into `needed` (classes, recall points), for
    ascending points. Returns 0."""
    points = recall_points.size
    for k in range(first_class, last_class):
        hits = 1
        for point in range(points):
            while hits < positives[k] and hits / positives[k] < recall_points[point]:
                hits += 1
            needed[k * points + point] = hits
    return 0


@kernel(
    "int64(int64, int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], "
    "float64[::1])"
)
def precision_at_cut(first_class, last_class, lanes, points, gt_starts, positives, needed, hits, event_precision,
                     drawn, out):
    """Interpolated precision (cocoeval.py, accumulate) of the rows passed so far, for some classes.

    positives: ground truths that are not ignored, (classes,). needed: of `hits_for_recall`. hits, event_precision: of
    `extend_outcomes`. drawn: the hits that each curve in `out` was drawn from, (classes, lanes), -1 at first: only
    those that have more now are drawn anew. out: (classes, lanes, recall points), -1 where a class has no positive.
    Returns 0.
    """
    for k in range(first_class, last_class):
        objects = gt_starts[k + 1] - gt_starts[k]
        for lane in range(lanes):
            base = (k * lanes + lane) * points
            events = hits[k * lanes + lane]
            if drawn[k * lanes + lane] == events:
                continue
            drawn[k * lanes + lane] = events
            point = points - 1
            if positives[k] == 0:
                while point >= 0:
                    out[base + point] = -1.0
                    point -= 1
            while point >= 0 and needed[k * points + point] > events:
                out[base + point] = 0.0
                point -= 1
            best = 0.0
            event = events - 1
            while point >= 0:  # from the right: the best precision at this recall or beyond
                best = max(best, event_precision[gt_starts[k] * lanes + lane * objects + event])
                while point >= 0 and needed[k * points + point] > event:
                    out[base + point] = best
                    point -= 1
                event -= 1
    return 0
