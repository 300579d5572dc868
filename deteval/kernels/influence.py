"""What every detection is worth: derivatives of the area under the precision-recall curve, along the way from one
model to another.

Two models are mixed: rows of the base count 1 - s, those of the new model s, all in one order by score. The area is
then a smooth function of s but for its kinks, and its integral over s gives every row its share of the difference
(Aumann and Shapley 1974; docs/explain.md has the formulae). Counts are whole numbers of each model, so that one pass
over the rows serves every s; a derivative exists once for every true positive and holds for all rows up to it.
"""

from deteval.kernels.compiled import helper, kernel
from deteval.kernels.curves import at_every_threshold, decided

TIED = 1e-12
"""Precisions this close are equal but for rounding; the last of them is the one that counts."""


@helper
def precedes(first, second, image, rank, scores, true_positive, words):
    """Whether a row comes before one of the other model: by score, image, rank; then true positives first, so that it
    makes no difference which model is the base."""
    if scores[first] != scores[second]:
        return scores[first] > scores[second]
    if image[first] != image[second]:
        return image[first] < image[second]
    if rank[first] != rank[second]:
        return rank[first] < rank[second]
    for word in range(words):
        if true_positive[first * words + word] != true_positive[second * words + word]:
            return true_positive[first * words + word] > true_positive[second * words + word]
    return True


@helper
def same_outcome(first, second, image, true_positive, ignored, words):
    """Whether two rows stand on the same image with the same outcomes."""
    if image[first] != image[second]:
        return False
    for word in range(words):
        if (true_positive[first * words + word] != true_positive[second * words + word]
                or ignored[first * words + word] != ignored[second * words + word]):
            return False
    return True


@helper
def next_counted(i, last, order, rank, cap, ignored, thresholds, words):
    """The first place from i on whose row is within the cap and counts at any threshold, or `last`."""
    while i < last and (rank[order[i]] >= cap or at_every_threshold(ignored, order[i] * words, thresholds)):
        i += 1
    return i


@helper
def merge_models(b, b_last, n, n_last, order, image, rank, scores, true_positive, ignored, thresholds, words, cap,
                 by_place, merged):
    """Bring the counted rows of both models into one order; a row that both have alike stands once, as ~row.

    by_place: join the first with the first and so on, whatever their scores. Returns how many there are, or -1 if
    rows do not fit each other by place.
    """
    count = 0
    b = next_counted(b, b_last, order, rank, cap, ignored, thresholds, words)
    n = next_counted(n, n_last, order, rank, cap, ignored, thresholds, words)
    while b < b_last or n < n_last:
        take_base, take_new = b < b_last, n < n_last
        both = take_base and take_new
        if both and not ((by_place or (scores[order[b]] == scores[order[n]] and rank[order[b]] == rank[order[n]]))
                         and same_outcome(order[b], order[n], image, true_positive, ignored, words)):
            take_base = precedes(order[b], order[n], image, rank, scores, true_positive, words)
            take_new = not take_base
        if by_place and not (take_base and take_new):
            return -1
        merged[count] = ~order[b] if take_base and take_new else order[b] if take_base else order[n]
        count += 1
        if take_base:
            b = next_counted(b + 1, b_last, order, rank, cap, ignored, thresholds, words)
        if take_new:
            n = next_counted(n + 1, n_last, order, rank, cap, ignored, thresholds, words)
    return count


@helper
def count_events(merged, count, first_new, true_positive, ignored, lanes, words, room, events, passed_over, hits, kept):
    """Hits and rows of each model at every true positive, for each lane; a row of both counts in both.

    events: (lanes,); passed_over: (2, lanes); hits, kept: (2, lanes, room).
    """
    size = lanes.size
    for lane in range(size):
        events[lane], passed_over[lane], passed_over[size + lane] = 0, 0, 0
    of_base, of_new = 0, 0
    for i in range(count):
        row = merged[i] if merged[i] >= 0 else ~merged[i]
        base = 1 if row < first_new else 0
        new = 1 if row >= first_new or merged[i] < 0 else 0
        of_base += base
        of_new += new
        if not decided(true_positive, ignored, row * words, words):
            continue
        for lane in range(size):
            word, bit = row * words + (lanes[lane] >> 5), lanes[lane] & 31
            if (true_positive[word] >> bit) & 1:
                here, there = lane * room + events[lane], (size + lane) * room + events[lane]
                hits[here] = base + (hits[here - 1] if events[lane] else 0)
                hits[there] = new + (hits[there - 1] if events[lane] else 0)
                kept[here] = of_base - passed_over[lane]
                kept[there] = of_new - passed_over[size + lane]
                events[lane] += 1
            elif (ignored[word] >> bit) & 1:
                passed_over[lane] += base
                passed_over[size + lane] += new


@helper
def weigh_events(lane, size, room, events, hits, kept, positives, base_weights, new_weights, node_weights, precision,
                 hit_value, miss_value):
    """Derivatives of the area times the positives, for a true positive at each event and for a false positive before
    it, integrated over the nodes.

    A segment is the true positives that share an interpolated precision, that of its last. Half a recall point stands
    before the first one.
    """
    here, there, last = lane * room, (size + lane) * room, events[lane] - 1
    for event in range(events[lane]):
        hit_value[here + event], miss_value[here + event] = 0.0, 0.0
    for node in range(node_weights.size):
        base, new, weight = base_weights[node], new_weights[node], node_weights[node]
        for event in range(events[lane]):
            precision[event] = ((base * hits[here + event] + new * hits[there + event])
                                / (base * kept[here + event] + new * kept[there + event]))
        gain, loss, end = 0.0, 0.0, last
        while end >= 0:
            begin = end
            while begin > 0 and precision[begin - 1] <= precision[end] + TIED:
                begin -= 1
            share = base * hits[here + end] + new * hits[there + end]
            if begin > 0:
                share -= base * hits[here + begin - 1] + new * hits[there + begin - 1]
            else:
                share += positives / 200.0
            rows = base * kept[here + end] + new * kept[there + end]
            gain += share / rows
            loss += share * precision[end] / rows
            for event in range(begin, end + 1):
                hit_value[here + event] += weight * (precision[end] + gain - loss)
                miss_value[here + event] -= weight * loss
            end = begin - 1


@helper
def miss_total(lanes, room, events, done, miss_value):
    """What a false positive at every threshold is worth here, over all lanes."""
    total = 0.0
    for lane in range(lanes):
        if done[lane] < events[lane]:
            total += miss_value[lane * room + done[lane]]
    return total


@helper
def share_out(merged, count, first_new, true_positive, ignored, agree, lanes, words, room, events, done, hit_value,
              miss_value, scale, out, out_agreeing):
    """Write the worth of every row: of the new model as it is, of the base with the other sign; of both: none."""
    for lane in range(lanes.size):
        done[lane] = 0
    total = miss_total(lanes.size, room, events, done, miss_value)
    for i in range(count):
        row = merged[i] if merged[i] >= 0 else ~merged[i]
        factor = 0.0 if merged[i] < 0 else scale if row >= first_new else -scale
        settled = decided(true_positive, ignored, row * words, words)
        if not settled and agree.size == 0:
            out[row] = factor * total
            continue
        value, agreeing = 0.0, 0.0
        for lane in range(lanes.size):
            word, bit = row * words + (lanes[lane] >> 5), lanes[lane] & 31
            event = lane * room + done[lane]
            worth = 0.0
            if (true_positive[word] >> bit) & 1:
                worth = hit_value[event]
                done[lane] += 1
            elif not (ignored[word] >> bit) & 1 and done[lane] < events[lane]:
                worth = miss_value[event]
            value += worth
            if agree.size and (agree[word] >> bit) & 1:
                agreeing += worth
        out[row] = factor * value
        if agree.size:
            out_agreeing[row] = factor * agreeing
        if settled:
            total = miss_total(lanes.size, room, events, done, miss_value)


@kernel(
    "int64(int64, int64, int64[::1], int64[::1], int64[::1], int64, int32[::1], int32[::1], float64[::1], "
    "uint32[::1], uint32[::1], uint32[::1], int64[::1], int64, int64, int64[::1], float64[::1], float64[::1], "
    "float64[::1], float64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], "
    "float64[::1], float64[::1], float64[::1], float64[::1])"
)
def row_values(first_class, last_class, base_starts, new_starts, order, first_new, image, rank, scores,
               true_positive, ignored, agree, lanes, thresholds, cap, positives, base_weights, new_weights,
               node_weights, scale, room, merged, events, passed_over, hits, kept, precision, hit_value, miss_value,
               out, out_agreeing):
    """What each row of some classes adds to the difference of two models, in the mean over the lanes.

    Rows of the base come first, those of the new model from first_new on. order[starts[k]:starts[k + 1]]: the rows of
    class k of one model by descending score. true_positive, ignored: bits in the area range, (rows, words); thresholds
    that are no lanes are ignored. agree: the same shape, or empty. lanes: positions of
    thresholds. positives: (classes,). base_weights, new_weights, node_weights: of the nodes of integration. scale:
    what a class and a threshold weigh. room: at least twice the ground truths of any class.
    Scratch: merged: as long as the rows of any class in both; events: (lanes,); passed_over: (2, lanes), hits, kept:
    (2, lanes, room); precision: (room,); hit_value, miss_value: (lanes, room). out, out_agreeing: (rows,), zero at
    first. Returns 0.
    """
    words = (thresholds + 31) // 32
    for k in range(first_class, last_class):
        if positives[k] == 0:
            continue
        b, b_last, n, n_last = base_starts[k], base_starts[k + 1], new_starts[k], new_starts[k + 1]
        if b < b_last and merge_models(b, b_last, n, n_last, order, image, rank, scores, true_positive, ignored,
                                       thresholds, words, cap, True, merged) >= 0:
            continue  # the same outcomes in the same order are the same curve, whatever the scores
        count = merge_models(b, b_last, n, n_last, order, image, rank, scores, true_positive, ignored, thresholds,
                             words, cap, False, merged)
        count_events(merged, count, first_new, true_positive, ignored, lanes, words, room, events, passed_over, hits,
                     kept)
        for lane in range(lanes.size):
            weigh_events(lane, lanes.size, room, events, hits, kept, float(positives[k]), base_weights, new_weights,
                         node_weights, precision, hit_value, miss_value)
        share_out(merged, count, first_new, true_positive, ignored, agree, lanes, words, room, events, passed_over,
                  hit_value, miss_value, scale / positives[k], out, out_agreeing)
    return 0
