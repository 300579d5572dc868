"""The greedy matcher of COCO: reads similarities, areas and flags, never a box. Linear in pairs for every threshold."""

from deteval.kernels.compiled import helper, kernel

ALMOST_ONE = 1.0 - 1e-10
"""A threshold of 1 is met by a similarity this near (cocoeval.py, evaluateImg)."""


@helper
def best_ground_truth(threshold, pairs, first, last, area, areas, words, word, bit,
                      similarities, is_ignored, is_crowd, found):
    """The ground truth that a detection takes at one threshold and area range, or -1.

    Ground truths that count are looked at first, ignored ones only if none of them will do; of equals the last
    wins; one that is taken is passed over unless it is a crowd.
    """
    for ignored in range(2):
        best = min(threshold, ALMOST_ONE)
        taken = -1
        for g in range(first, last):
            if is_ignored[g * areas + area] != ignored:
                continue
            if similarities[pairs + g - first] < best:
                continue
            if (found[(g * areas + area) * words + word] >> bit) & 1 and not is_crowd[g]:
                continue
            best = similarities[pairs + g - first]
            taken = g
        if taken >= 0:
            return taken
    return -1


@kernel(
    "int64(int64, int64, int64, int64, int64[::1], int64[::1], float64[::1], float64[::1], uint8[::1], uint8[::1], "
    "float64[::1], float64[::1], float64[::1], int64[::1], int64, "
    "uint32[::1], uint32[::1], uint32[::1], int64[::1], float64[::1])"
)
def match_groups(first_group, last_group, first_rank, last_rank,
                 detection_starts, ground_truth_starts, similarities, detection_area, is_ignored, is_crowd,
                 thresholds, area_low, area_high, detail_slot, detail_slots,
                 true_positive, ignored, found, detail_taken, detail_similarity):
    """Match the detections of rank first_rank..last_rank-1 of some groups, at every threshold and area range.

    Rows are sorted by group, then rank; `similarities` is laid out as the similarity kernel leaves it. is_ignored:
    per ground truth and area. Sets bit t of `true_positive` and `ignored` (rows, areas, words) and of `found`
    (ground truths, areas, words; never for crowds). What was found before is taken: ranks may come in pieces.
    detail_slot[t] >= 0: at that threshold and area range 0, also the ground truth taken and its similarity go to
    that column of `detail_taken`, `detail_similarity`. Returns how many pairs were read.
    """
    areas = area_low.size
    words = (thresholds.size + 31) // 32
    pairs = 0
    for group in range(first_group, last_group):
        first, last = ground_truth_starts[group], ground_truth_starts[group + 1]
        start = detection_starts[group]
        stop = min(detection_starts[group + 1], start + last_rank)
        for d in range(start + first_rank, stop):
            top = -2.0
            for g in range(last - first):
                top = max(top, similarities[pairs + g])
            reached = 0
            while reached < thresholds.size and min(thresholds[reached], ALMOST_ONE) <= top:
                reached += 1
            for area in range(areas):
                outside = detection_area[d] < area_low[area] or detection_area[d] > area_high[area]
                for t in range(thresholds.size):
                    word, bit = t >> 5, t & 31
                    row = (d * areas + area) * words + word
                    flag = 1 << bit
                    taken = -1
                    if t < reached:
                        taken = best_ground_truth(thresholds[t], pairs, first, last, area, areas, words, word, bit,
                                                  similarities, is_ignored, is_crowd, found)
                    if taken < 0:
                        if outside:
                            ignored[row] = ignored[row] | flag
                        continue
                    if is_ignored[taken * areas + area]:
                        ignored[row] = ignored[row] | flag
                    else:
                        true_positive[row] = true_positive[row] | flag
                    if not is_crowd[taken]:
                        position = (taken * areas + area) * words + word
                        found[position] = found[position] | flag
                    if area == 0 and detail_slot[t] >= 0:
                        detail_taken[d * detail_slots + detail_slot[t]] = taken
                        detail_similarity[d * detail_slots + detail_slot[t]] = similarities[pairs + taken - first]
            pairs += last - first
    return pairs
