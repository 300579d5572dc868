"""The greedy matcher of COCO: reads similarities, areas and flags, never a box. Linear in pairs for every threshold."""

from deteval.kernels.compiled import helper, kernel

ALMOST_ONE = 1.0 - 1e-10
"""A threshold of 1 is met by a similarity this near (cocoeval.py, evaluateImg)."""


@helper
def mark(words, position, flags):
    """Set bits in a word."""
    words[position] = words[position] | flags


@helper
def candidates(threshold, similarities, pairs, ground_truths, chosen):
    """Which ground truths of a row reach the lowest threshold, in order, into `chosen`. Returns how many."""
    count = 0
    for g in range(ground_truths):
        if similarities[pairs + g] >= threshold:
            chosen[count] = g
            count += 1
    return count


@helper
def reached_thresholds(thresholds, top):
    """How many of the ascending thresholds a similarity reaches."""
    count = 0
    while count < thresholds.size and min(thresholds[count], ALMOST_ONE) <= top:
        count += 1
    return count


@helper
def best_candidate(threshold, count, chosen, pairs, first, area, areas, words, word, bit,
                   similarities, is_ignored, is_crowd, found):
    """The ground truth that a detection takes at one threshold and area range, or -1.

    Ground truths that count are looked at first, ignored ones only if none of them will do; of equals the last
    wins; one that is taken is passed over unless it is a crowd.
    """
    for ignored in range(2):
        best = min(threshold, ALMOST_ONE)
        taken = -1
        for c in range(count):
            g = first + chosen[c]
            if is_ignored[g * areas + area] != ignored:
                continue
            if similarities[pairs + chosen[c]] < best:
                continue
            if (found[(g * areas + area) * words + word] >> bit) & 1 and not is_crowd[g]:
                continue
            best = similarities[pairs + chosen[c]]
            taken = g
        if taken >= 0:
            return taken
    return -1


@helper
def take_only(flags, g, row, area, areas, words, word, is_ignored, is_crowd, true_positive, ignored, found):
    """Give ground truth g to a detection at all thresholds in `flags` where it is free. Returns those thresholds."""
    position = (g * areas + area) * words + word
    if not is_crowd[g]:
        flags = flags & ~int(found[position])
        mark(found, position, flags)
    if is_ignored[g * areas + area]:
        mark(ignored, row, flags)
    else:
        mark(true_positive, row, flags)
    return flags


@helper
def keep_detail(area, threshold, d, g, similarity, detail_slot, detail_slots, detail_taken, detail_similarity):
    """Note which ground truth a detection took, if this threshold is kept in the detail table."""
    if area == 0 and detail_slot[threshold] >= 0:
        detail_taken[d * detail_slots + detail_slot[threshold]] = g
        detail_similarity[d * detail_slots + detail_slot[threshold]] = similarity


@kernel(
    "int64(int64, int64, int64, int64, int64[::1], int64[::1], float64[::1], float64[::1], uint8[::1], uint8[::1], "
    "float64[::1], float64[::1], float64[::1], int64[::1], int64, int64[::1], "
    "uint32[::1], uint32[::1], uint32[::1], int64[::1], float64[::1])"
)
def match_groups(first_group, last_group, first_rank, last_rank,
                 detection_starts, ground_truth_starts, similarities, detection_area, is_ignored, is_crowd,
                 thresholds, area_low, area_high, detail_slot, detail_slots, chosen,
                 true_positive, ignored, found, detail_taken, detail_similarity):
    """Match the detections of rank first_rank..last_rank-1 of some groups, at every threshold and area range.

    Rows are sorted by group, then rank; `similarities` is laid out as the similarity kernel leaves it. is_ignored:
    per ground truth and area. Sets bit t of `true_positive` and `ignored` (rows, areas, words) and of `found`
    (ground truths, areas, words; never for crowds). What was found before is taken: ranks may come in pieces.
    detail_slot[t] >= 0: at that threshold and area range 0, also the ground truth taken and its similarity go to
    that column of `detail_taken`, `detail_similarity`. chosen: scratch as long as the largest group's ground truths.
    Returns how many pairs were read.
    """
    areas = area_low.size
    words = (thresholds.size + 31) // 32
    lowest = min(thresholds[0], ALMOST_ONE)
    pairs = 0
    for group in range(first_group, last_group):
        first, last = ground_truth_starts[group], ground_truth_starts[group + 1]
        start = detection_starts[group]
        stop = min(detection_starts[group + 1], start + last_rank)
        for d in range(start + first_rank, stop):
            count = candidates(lowest, similarities, pairs, last - first, chosen)
            top = -2.0
            for c in range(count):
                top = max(top, similarities[pairs + chosen[c]])
            reached = reached_thresholds(thresholds, top)
            for area in range(areas):
                outside = detection_area[d] < area_low[area] or detection_area[d] > area_high[area]
                for word in range(words):
                    bits = min(32, thresholds.size - 32 * word)
                    tried = max(0, min(bits, reached - 32 * word))
                    row = (d * areas + area) * words + word
                    taken = 0
                    if count == 1:
                        taken = take_only((1 << tried) - 1, first + chosen[0], row, area, areas, words, word,
                                          is_ignored, is_crowd, true_positive, ignored, found)
                    for bit in range(tried if count > 1 else 0):
                        g = best_candidate(thresholds[32 * word + bit], count, chosen, pairs, first, area, areas,
                                           words, word, bit, similarities, is_ignored, is_crowd, found)
                        if g >= 0:
                            taken |= take_only(1 << bit, g, row, area, areas, words, word,
                                               is_ignored, is_crowd, true_positive, ignored, found)
                            keep_detail(area, 32 * word + bit, d, g, similarities[pairs + g - first],
                                        detail_slot, detail_slots, detail_taken, detail_similarity)
                    for bit in range(tried if count == 1 and detail_slots > 0 else 0):
                        if (taken >> bit) & 1:
                            keep_detail(area, 32 * word + bit, d, first + chosen[0], top,
                                        detail_slot, detail_slots, detail_taken, detail_similarity)
                    if outside:
                        mark(ignored, row, ((1 << bits) - 1) & ~taken)
            pairs += last - first
    return pairs
