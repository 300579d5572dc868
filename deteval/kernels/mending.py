"""AP of outcomes that are put right: what every detection is, which error mends which object, and precision after it.

Precision is that of `curves.interpolated_precision`, operation by operation, at one threshold, area range and cap.
"""

from deteval.kernels.compiled import helper, kernel
from deteval.kernels.curves import EPSILON

CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, ON_BACKGROUND = 0, 1, 2, 3, 4
"""Kinds of false positives (`records.error_kinds.FALSE_POSITIVES`)."""
CODES = 5
TRUE_POSITIVE, LEFT_OUT = -1, -2
"""What is no false positive; left out: beyond the cap, or ignored."""
AS_IT_IS, FALSE_POSITIVE = 0, 6
"""Lists of true positives of one class: as it is, then a list for each kind mended, last for all of them."""
LISTS = 7


@kernel(
    "int64(int64, int64, int64, float64, float64, int64[::1], float64[::1], int64[::1], float64[::1], int8[::1], "
    "int32[::1])"
)
def kinds_of_rows(first_row, last_row, agnostic, level, background, best_same, same_similarity, best_other,
                  other_similarity, codes, targets):
    """The kind of some rows, should they be false positives, and the ground truth that is mended with them, or -1.

    best_*: rows of ground truths, -1 for none, and similarities. agnostic: there is one class, and so no other.
    Returns 0.
    """
    for row in range(first_row, last_row):
        same, other = best_same[row], best_other[row]
        near = same_similarity[row] if same >= 0 else 0.0
        far = other_similarity[row] if other >= 0 else 0.0
        if agnostic:
            if other >= 0 and (same < 0 or far > near or (far == near and other < same)):
                same, near = other, far
            other, far = -1, 0.0
        codes[row], targets[row] = BOTH, -1
        if near >= background and near <= level:
            codes[row], targets[row] = LOCALISATION, same
        elif far >= level:
            codes[row], targets[row] = CLASSIFICATION, other
        elif near > level:
            codes[row] = DUPLICATE
        elif max(near, far) <= background:
            codes[row] = ON_BACKGROUND
    return 0


@kernel(
    "int64(int64, int64, int64, int64, int64, int64, int64[::1], int32[::1], int8[::1], uint32[::1], uint32[::1], "
    "int8[::1])"
)
def outcomes_by_rank(first, last, words, word, bit, cap, order, rank, codes, true_positive, ignored, outcomes):
    """What some rows are at one threshold, in every area range, in the order of `order`.

    codes: of every row, should it be a false positive. true_positive, ignored: bits, (rows, areas, words). outcomes:
    (areas, rows), the code, TRUE_POSITIVE or LEFT_OUT. Returns 0.
    """
    size = order.size
    areas = outcomes.size // size
    for i in range(first, last):
        row = order[i]
        miss = int(codes[row]) if rank[row] < cap else LEFT_OUT
        at = row * areas * words + word
        for area in range(areas):
            outcome = miss
            if miss != LEFT_OUT and ((true_positive[at] | ignored[at]) >> bit) & 1:
                outcome = LEFT_OUT if (ignored[at] >> bit) & 1 else TRUE_POSITIVE
            outcomes[area * size + i] = outcome
            at += words
    return 0


@helper
def is_better(row, other, scores, record):
    """Whether a row has the higher score, or the same and is the earlier record; other: -1 for none."""
    return other < 0 or scores[row] > scores[other] or (scores[row] == scores[other] and record[row] < record[other])


@kernel("int64(int64[::1], int8[::1], float64[::1], int64[::1], int32[::1], uint8[::1], int64[::1])")
def menders(order, outcomes, scores, record, targets, is_open, best):
    """Of the errors nearest to each ground truth that is open, the row of the best one, into `best`, -1 at first.

    outcomes: of an area range, in the order of `order`, as `outcomes_by_rank` says. Returns 0.
    """
    for i in range(order.size):
        if outcomes[i] != CLASSIFICATION and outcomes[i] != LOCALISATION:
            continue
        target = targets[order[i]]
        if target >= 0 and is_open[target] and is_better(order[i], best[target], scores, record):
            best[target] = order[i]
    return 0


@kernel("int64(int64[::1], int64[::1], float64[::1], int64[::1], int64[::1])")
def first_of_each(rows, targets, scores, record, best):
    """Of the rows of each target, the one with the highest score, of equals the earliest record; targets: of every
    one of `rows`. best: the row of every target, -1 at first. Returns 0."""
    for i in range(rows.size):
        if is_better(rows[i], best[targets[i]], scores, record):
            best[targets[i]] = rows[i]
    return 0


@helper
def add_event(event, hits, kept, event_hits, event_precision):
    """Note a true positive that is the last of so many hits and rows."""
    event_hits[event] = hits
    event_precision[event] = hits / (kept + EPSILON)


@helper
def sample(first, last, positive, recall_points, event_hits, event_precision, out, base):
    """Interpolated precision at every recall point, -1 without a positive. Overwrites event_precision."""
    for event in range(last - 2, first - 1, -1):
        event_precision[event] = max(event_precision[event], event_precision[event + 1])
    event = first
    for point in range(recall_points.size):
        while event < last and event_hits[event] / positive < recall_points[point]:
            event += 1
        out[base + point] = -1.0 if positive == 0 else event_precision[event] if event < last else 0.0


@helper
def place_after(copy, first, last, order, image, scores):
    """Where a row is put in among rows by descending score: behind a higher score, or the same on no later image."""
    while first < last:
        middle = (first + last) // 2
        row = order[middle]
        if scores[row] > scores[copy] or (scores[row] == scores[copy] and image[row] <= image[copy]):
            first = middle + 1
        else:
            last = middle
    return first


@helper
def add_hit(total, copies, at, room, counts, events, event_hits, event_precision):
    """Note a true positive in every list; counts: of its class from `at` on, with itself; copies: put in so far."""
    for of in range(LISTS):
        hits, kept = counts[at], total
        if of == FALSE_POSITIVE:
            kept = hits
        elif of != AS_IT_IS:
            more = copies if of == 1 + CLASSIFICATION else events[of] + 1 - hits  # mended ones
            hits, kept = hits + more, kept + more - counts[at + of]
        add_event(of * room + events[of], hits, kept, event_hits, event_precision)
        events[of] += 1


@kernel(
    "int64(int64, int64, int64[::1], int64[::1], int8[::1], int32[::1], float64[::1], int32[::1], int64[::1], "
    "int64[::1], int64[::1], int64[::1], float64[::1], int64, int64[::1], int64[::1], float64[::1], int64[::1], "
    "float64[::1])"
)
def mended_precision(first_class, last_class, starts, order, outcomes, image, scores, targets, best, copy_starts,
                     copies, positives, recall_points, room, events, event_hits, event_precision, counts, out):
    """Precision of some classes at every recall point: as it is, and with each kind of error mended alone.

    order[starts[k]:starts[k + 1]]: the rows of class k by descending score; outcomes: theirs, as in `menders`. best: of
    every ground truth the row that mends it, -1 for none. copies: by class (copy_starts), the classification errors
    that mend an object of it, by descending score, then image. positives: (3, classes): ground truths that count, those
    without the missed, and those found. room: at least the ground truths of any class. events: scratch, LISTS;
    event_hits, event_precision: LISTS * room. counts: (classes, 1 + CODES), zero at first: true positives, and errors
    of each kind. out: (LISTS + 2, classes, points): the lists, then without the missed, and without all not found.
    Returns 0.
    """
    classes = starts.size - 1
    for k in range(first_class, last_class):
        for of in range(LISTS):
            events[of] = 0
        at, copy, total, i = k * (1 + CODES), copy_starts[k], 0, starts[k]
        while i < starts[k + 1] or copy < copy_starts[k + 1]:
            stop = starts[k + 1]
            if copy < copy_starts[k + 1]:
                stop = place_after(copies[copy], i, stop, order, image, scores)
            while i < stop:
                of = 1 + int(outcomes[i])
                i += 1
                if of < 0:
                    continue
                total += 1
                counts[at + of] += 1
                if of == 0:
                    add_hit(total, copy - copy_starts[k], at, room, counts, events, event_hits, event_precision)
                elif of == 1 + LOCALISATION:
                    target = targets[order[i - 1]]
                    if target >= 0 and best[target] == order[i - 1]:
                        add_event(of * room + events[of], events[of] + 1,
                                  total + events[of] + 1 - counts[at] - counts[at + of], event_hits, event_precision)
                        events[of] += 1
            if copy < copy_starts[k + 1]:
                copy += 1
                more, of = copy - copy_starts[k], 1 + CLASSIFICATION
                add_event(of * room + events[of], counts[at] + more, total + more - counts[at + of], event_hits,
                          event_precision)
                events[of] += 1
        for of in range(LISTS + 2):
            source = of if of < LISTS else AS_IT_IS
            positive = positives[max(0, 1 + of - LISTS) * classes + k]
            sample(source * room, source * room + events[source], positive, recall_points, event_hits, event_precision,
                   out, (of * classes + k) * recall_points.size)
    return 0


@kernel(
    "int64(int64, int64, int64[::1], int64[::1], int8[::1], int64[::1], int64[::1], int64[::1], int64[::1], "
    "float64[::1], int64[::1], float64[::1], float64[::1])"
)
def edited_precision(first_edit, last_edit, starts, order, outcomes, category, gained, lost, positives, recall_points,
                     event_hits, event_precision, out):
    """Precision of one class at every recall point, for some edits of single outcomes.

    Edit e is of class category[e] with positives[e] ground truths, where row gained[e] is a true positive and lost[e]
    is none, -1 for no row. event_hits, event_precision: scratch, the most positives of any edit, and one. out: (edits,
    points). Otherwise as `mended_precision`. Returns 0.
    """
    for edit in range(first_edit, last_edit):
        k = category[edit]
        hits, kept = 0, 0
        for i in range(starts[k], starts[k + 1]):
            if outcomes[i] == LEFT_OUT:
                continue
            kept += 1
            if order[i] == gained[edit] or (outcomes[i] == TRUE_POSITIVE and order[i] != lost[edit]):
                hits += 1
                add_event(hits - 1, hits, kept, event_hits, event_precision)
        sample(0, hits, positives[edit], recall_points, event_hits, event_precision, out, edit * recall_points.size)
    return 0
