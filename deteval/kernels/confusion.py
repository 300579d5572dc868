"""Pairs of detections and ground truths of any class, taken one to one: what the confusion matrix counts.

Rows come image by image, detections by descending score: so pairs are listed in the order that parts equal ones, and
one stable sort by similarity is all that is left to do.
"""

from deteval.kernels.compiled import helper, kernel
from deteval.kernels.ordering import merge_sort
from deteval.kernels.similarity import box_similarity, crowd_similarity

SAME_CLASS, OTHER_CLASS, ABSORBED = 0, 1, 2
"""Kinds of pairs: with a ground truth that counts, of the same class or another; and with one that is ignored."""
KINDS_OF_PAIRS = 3
NONE = -1


@helper
def pair_similarity(kind, d, g, detection_boxes, ground_truth_boxes, is_crowd):
    """The similarity of a detection and a ground truth, as they are matched."""
    dx, dy, dw, dh = (detection_boxes[4 * d], detection_boxes[4 * d + 1], detection_boxes[4 * d + 2],
                      detection_boxes[4 * d + 3])
    gx, gy, gw, gh = (ground_truth_boxes[4 * g], ground_truth_boxes[4 * g + 1], ground_truth_boxes[4 * g + 2],
                      ground_truth_boxes[4 * g + 3])
    if is_crowd[g]:
        return crowd_similarity(dx, dy, dw, dh, gx, gy, gw, gh)
    return box_similarity(kind, dx, dy, dw, dh, gx, gy, gw, gh)


@helper
def kind_of_pair(d, g, detection_category, ground_truth_category, is_ignored):
    """Which of the kinds a pair is, NONE for a pair that is never taken: ignored ones absorb only their own class."""
    if detection_category[d] == ground_truth_category[g]:
        return ABSORBED if is_ignored[g] else SAME_CLASS
    return NONE if is_ignored[g] else OTHER_CLASS


@kernel(
    "int64(int64, int64, int64, float64, int64[::1], int64[::1], float64[::1], float64[::1], int32[::1], int32[::1], "
    "uint8[::1], uint8[::1], int64[::1])"
)
def count_pairs(kind, first_image, last_image, threshold, detection_starts, ground_truth_starts,
                detection_boxes, ground_truth_boxes, detection_category, ground_truth_category, is_ignored, is_crowd,
                pairs):
    """How many pairs of each kind reach the threshold on some images, into `pairs` (images, KINDS_OF_PAIRS).

    detection_starts[i], ground_truth_starts[i]: where image i begins. Returns the most that one image has.
    """
    most = 0
    for image in range(first_image, last_image):
        for kind_of in range(KINDS_OF_PAIRS):
            pairs[image * KINDS_OF_PAIRS + kind_of] = 0
        for d in range(detection_starts[image], detection_starts[image + 1]):
            for g in range(ground_truth_starts[image], ground_truth_starts[image + 1]):
                kind_of = kind_of_pair(d, g, detection_category, ground_truth_category, is_ignored)
                if kind_of != NONE and pair_similarity(
                        kind, d, g, detection_boxes, ground_truth_boxes, is_crowd) >= threshold:
                    pairs[image * KINDS_OF_PAIRS + kind_of] += 1
        total = 0
        for kind_of in range(KINDS_OF_PAIRS):
            total += pairs[image * KINDS_OF_PAIRS + kind_of]
        most = max(most, total)
    return most


@helper
def list_pairs(kind, image, threshold, detection_starts, ground_truth_starts, detection_boxes, ground_truth_boxes,
               detection_category, ground_truth_category, is_ignored, is_crowd, pairs, detection, ground_truth,
               similarity):
    """Write the pairs of an image: one kind after the other, each by detection, then ground truth."""
    same = 0
    other = pairs[image * KINDS_OF_PAIRS + SAME_CLASS]
    absorbed = other + pairs[image * KINDS_OF_PAIRS + OTHER_CLASS]
    for d in range(detection_starts[image], detection_starts[image + 1]):
        for g in range(ground_truth_starts[image], ground_truth_starts[image + 1]):
            kind_of = kind_of_pair(d, g, detection_category, ground_truth_category, is_ignored)
            if kind_of == NONE:
                continue
            value = pair_similarity(kind, d, g, detection_boxes, ground_truth_boxes, is_crowd)
            if not value >= threshold:
                continue
            if kind_of == SAME_CLASS:
                place = same
                same += 1
            elif kind_of == OTHER_CLASS:
                place = other
                other += 1
            else:
                place = absorbed
                absorbed += 1
            detection[place], ground_truth[place], similarity[place] = d, g, value


@kernel(
    "int64(int64, int64, int64, float64, int64[::1], int64[::1], float64[::1], float64[::1], int32[::1], int32[::1], "
    "uint8[::1], uint8[::1], int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], int64[::1], "
    "int64[::1], int64[::1])"
)
def take_pairs(kind, first_image, last_image, threshold, detection_starts, ground_truth_starts,
               detection_boxes, ground_truth_boxes, detection_category, ground_truth_category, is_ignored, is_crowd,
               pairs, detection, ground_truth, similarity, order, scratch, taken, taken_by):
    """Take the pairs of some images one to one, the best first.

    `pairs` as `count_pairs` leaves it; detection, ground_truth, similarity, order, scratch: as long as it returned.
    taken: the ground truth of each detection; taken_by: the detection of each ground truth, the last for a crowd, which
    absorbs any number; both hold -1 before, and where there is none. Returns how many pairs were taken.
    """
    count = 0
    for image in range(first_image, last_image):
        counted = pairs[image * KINDS_OF_PAIRS + SAME_CLASS] + pairs[image * KINDS_OF_PAIRS + OTHER_CLASS]
        total = counted + pairs[image * KINDS_OF_PAIRS + ABSORBED]
        if total == 0:
            continue
        list_pairs(kind, image, threshold, detection_starts, ground_truth_starts, detection_boxes, ground_truth_boxes,
                   detection_category, ground_truth_category, is_ignored, is_crowd, pairs, detection, ground_truth,
                   similarity)
        for place in range(total):
            order[place] = place
        merge_sort(order, similarity, 0, counted, scratch)
        merge_sort(order, similarity, counted, total, scratch)
        for place in range(total):
            d, g = detection[order[place]], ground_truth[order[place]]
            if taken[d] >= 0 or (taken_by[g] >= 0 and not is_crowd[g]):
                continue
            taken[d] = g
            taken_by[g] = d
            count += 1
    return count
