"""Stable orders: by small whole numbers in linear time, by descending score within groups. Nothing is quadratic."""

from math import inf

from deteval.kernels.compiled import helper, kernel

LONG = 256
"""Groups of more rows than this are spread over buckets before they are sorted."""
SHORT = 64
"""Groups up to this many rows are sorted by insertion, longer ones by merging."""


@kernel("int64(int32[::1], int64, int64[::1], int64[::1], int64[::1])")
def counting_order(keys, n_keys, order_in, starts, order_out):
    """Bring `order_in` (positions among `keys`) into ascending key, keeping the order within a key.

    starts, of n_keys + 1: where each key begins in the result. Two passes, by image and then by category, sort by
    (category, image) without a table of that size. Returns 0.
    """
    for k in range(n_keys + 1):
        starts[k] = 0
    for i in range(order_in.size):
        starts[keys[order_in[i]] + 1] += 1
    for k in range(n_keys):
        starts[k + 1] += starts[k]
    for i in range(order_in.size):
        key = keys[order_in[i]]
        order_out[starts[key]] = order_in[i]
        starts[key] += 1
    for k in range(n_keys, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0
    return 0


@helper
def insert(order, scores, start, stop):
    """Stable insertion sort of order[start:stop] by descending score."""
    for i in range(start + 1, stop):
        row = order[i]
        score = scores[row]
        j = i - 1
        while j >= start and scores[order[j]] < score:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = row


@helper
def merge(order, scores, start, middle, stop, scratch):
    """Merge two neighbouring sorted runs of `order`, the left one first among equals."""
    for i in range(start, middle):
        scratch[i] = order[i]
    left, right, out = start, middle, start
    while left < middle:
        if right < stop and scores[order[right]] > scores[scratch[left]]:
            order[out] = order[right]
            right += 1
        else:
            order[out] = scratch[left]
            left += 1
        out += 1


@helper
def merge_sort(order, scores, begin, end, scratch):
    """Stable sort of order[begin:end] by descending score, by insertion and then merging."""
    for start in range(begin, end, SHORT):
        insert(order, scores, start, min(start + SHORT, end))
    width = SHORT
    while width < end - begin:
        for start in range(begin, end - width, 2 * width):
            if scores[order[start + width]] > scores[order[start + width - 1]]:
                merge(order, scores, start, start + width, min(start + 2 * width, end), scratch)
        width *= 2


@helper
def spread(order, scores, begin, end, scratch, bounds):
    """Bring order[begin:end] into as many buckets of descending score as it has rows, stable.

    bounds[begin:end]: where each bucket ends. Returns whether that was possible: scores that are all equal, or too
    far apart for their difference, are not spread.
    """
    top, bottom = scores[order[begin]], scores[order[begin]]
    for i in range(begin, end):
        top, bottom = max(top, scores[order[i]]), min(bottom, scores[order[i]])
    scale = (end - begin - 1) / (top - bottom) if top > bottom else inf
    if not scale < inf or scale <= 0.0 or not top - bottom < inf:
        return False
    for i in range(begin, end):
        bounds[i] = 0
        scratch[i] = order[i]
    for i in range(begin, end):
        bounds[begin + min(int((top - scores[scratch[i]]) * scale), end - begin - 1)] += 1
    total = begin
    for bucket in range(begin, end):
        total += bounds[bucket]
        bounds[bucket] = total - bounds[bucket]
    for i in range(begin, end):
        bucket = begin + min(int((top - scores[scratch[i]]) * scale), end - begin - 1)
        order[bounds[bucket]] = scratch[i]
        bounds[bucket] += 1
    return True


@kernel("int64(int64, int64, int64[::1], float64[::1], int64[::1], int64[::1], int64[::1])")
def order_by_score(first_group, last_group, starts, scores, order, scratch, bounds):
    """Sort order[starts[g]:starts[g + 1]] of some groups by descending score, stable; 0.0 and -0.0 tie.

    Long groups are spread over buckets first, in linear time; a bucket is then short, or sorted by merging. scratch,
    bounds: as long as `order`. Returns 0.
    """
    for group in range(first_group, last_group):
        begin, end = starts[group], starts[group + 1]
        if end - begin <= LONG or not spread(order, scores, begin, end, scratch, bounds):
            merge_sort(order, scores, begin, end, scratch)
            continue
        start = begin
        for bucket in range(begin, end):
            if bounds[bucket] - start > 1:
                merge_sort(order, scores, start, bounds[bucket], scratch)
            start = bounds[bucket]
    return 0


@kernel(
    "int64(int64[::1], int64[::1], int32[::1], int32[::1], int32[::1], int32[::1], int64[::1], int64[::1])"
)
def join_groups(detection_order, ground_truth_order, detection_image, detection_category,
                ground_truth_image, ground_truth_category, detection_starts, ground_truth_starts):
    """Walk detections and ground truths, both sorted by (category, image), and mark where each pair of them begins.

    detection_starts, ground_truth_starts: room for every row a group of its own, plus one. Returns how many
    groups there are; a group may hold no detection, or no ground truth.
    """
    groups = 0
    d, g = 0, 0
    while d < detection_order.size or g < ground_truth_order.size:
        category, image = 2**31, 2**31
        if d < detection_order.size:
            category = detection_category[detection_order[d]]
            image = detection_image[detection_order[d]]
        if g < ground_truth_order.size:
            other_category = ground_truth_category[ground_truth_order[g]]
            other_image = ground_truth_image[ground_truth_order[g]]
            if other_category < category or (other_category == category and other_image < image):
                category, image = other_category, other_image
        detection_starts[groups] = d
        ground_truth_starts[groups] = g
        groups += 1
        while d < detection_order.size:
            row = detection_order[d]
            if detection_category[row] != category or detection_image[row] != image:
                break
            d += 1
        while g < ground_truth_order.size:
            row = ground_truth_order[g]
            if ground_truth_category[row] != category or ground_truth_image[row] != image:
                break
            g += 1
    detection_starts[groups] = d
    ground_truth_starts[groups] = g
    return groups


@kernel("int64(int64[::1], int32[::1])")
def rank_rows(starts, rank):
    """The place of each row starts[g]..starts[g + 1] within its group, from 0, into `rank`. Returns 0."""
    for g in range(starts.size - 1):
        for row in range(starts[g], starts[g + 1]):
            rank[row] = row - starts[g]
    return 0
