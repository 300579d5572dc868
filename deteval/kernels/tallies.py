"""Counts of detections by class and score, in one pass over the rows."""

from deteval.kernels.compiled import kernel


@kernel(
    "int64(int64, int64, int64, int64, int64, int64, int64[::1], int32[::1], float64[::1], uint32[::1], uint32[::1], "
    "float64[::1], float64, int64[::1], int64[::1])"
)
def count_by_score(first_class, last_class, first, step, bit, cap, starts, rank, scores, true_positive, ignored, cuts,
                   scale, hits, misses):
    """True and false positives of some classes by the last cut that their score reaches.

    Rows starts[k]..starts[k + 1] are those of class k; of row r, true_positive and ignored hold the bit of the
    threshold in word first + step * r. cuts ascend and begin at the lowest score or below, about evenly: cut i lies
    near cuts[0] + i / scale, or anywhere if scale is 0. hits, misses: (classes, cuts), zero at first. Returns 0.
    """
    last = cuts.size - 1
    for k in range(first_class, last_class):
        for row in range(starts[k], starts[k + 1]):
            hit = (true_positive[first + step * row] >> bit) & 1
            if not hit and (rank[row] >= cap or (ignored[first + step * row] >> bit) & 1):
                continue
            score = scores[row]
            place = max(0, min(last, int((score - cuts[0]) * scale))) if scale > 0.0 else 0
            while place > 0 and cuts[place] > score:
                place -= 1
            while place < last and cuts[place + 1] <= score:
                place += 1
            if hit:
                hits[k * cuts.size + place] += 1
            else:
                misses[k * cuts.size + place] += 1
    return 0


@kernel("int64(int64, int64, int64[::1], float64[::1], uint8[::1], float64[::1], int64[::1], float64[::1], int64[::1])")
def tally_bins(first_class, last_class, starts, scores, hit, edges, counts, sums, hits):
    """How many rows of some classes lie in each bin, the sum of their scores in the order of the rows, and their hits.

    Rows starts[k]..starts[k + 1] are those of class k by descending score. edges: bins + 1, ascending; a bin holds its
    lower edge, the last one both. counts, sums, hits: (classes, bins), zero at first. Returns 0.
    """
    bins = edges.size - 1
    for k in range(first_class, last_class):
        bin_ = bins - 1
        for row in range(starts[k], starts[k + 1]):
            while bin_ > 0 and scores[row] < edges[bin_]:
                bin_ -= 1
            counts[k * bins + bin_] += 1
            sums[k * bins + bin_] += scores[row]
            hits[k * bins + bin_] += hit[row]
    return 0
