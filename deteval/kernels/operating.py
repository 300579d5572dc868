"""The score cut of every group of detections that is best by a criterion, under many weights of the images at once.

A group is walked once by descending score. Counts are floats that hold whole numbers: exact up to 2**53. `lanes` is how
many weightings are worked on side by side; it is told from outside, as a loop of known length would be unrolled and
then not vectorised.
"""

from deteval.kernels.compiled import helper, kernel

F_MEASURE, PRECISION, RECALL, LRP = 0, 1, 2, 3
"""Criteria: the largest F-measure; the lowest score that reaches a precision; the highest that reaches a recall; the
smallest LRP error."""
DUST = 1e-12
"""LRP errors that differ by less are equal: losses were added up in another order."""
STATE = 5
"""Of the scratch `state`, per lane: kept rows, true positives, localisation loss, rows kept before this block of equal
scores, and the best value so far."""


@helper
def add_row(row, at, lanes, image, hit, loss, weights, state):
    """Count a row under every weighting."""
    for lane in range(lanes):
        state[lane] += weights[at + lane]
    if hit[row]:
        for lane in range(lanes):
            state[lanes + lane] += weights[at + lane]
        if loss.size:
            for lane in range(lanes):
                state[2 * lanes + lane] += weights[at + lane] * loss[row]


@helper
def at_least(value):
    """A number to divide by: 1 in place of 0, where all counts are 0."""
    return value if value > 0.0 else 1.0


@helper
def judge(row, place, lanes, criterion, parameter, positives, state, out_row, out_hits, out_kept, out_lost):
    """Take the cut at this row, the last of its score, in every lane in which it is better than all before."""
    for lane in range(lanes):
        kept, hits, positive = state[lane], state[lanes + lane], positives[place + lane]
        best = state[4 * lanes + lane]
        if criterion == F_MEASURE:  # parameter is beta squared
            value = (1.0 + parameter) * hits / at_least(kept + parameter * positive)
            better = value > best
        elif criterion == PRECISION:
            value = hits / at_least(kept)
            better = value >= parameter and kept > state[3 * lanes + lane]
        elif criterion == RECALL:
            value = hits / at_least(positive)
            better = value >= parameter and out_row[place + lane] < 0
        else:
            value = (state[2 * lanes + lane] + (kept - hits) + (positive - hits)) / at_least(kept - hits + positive)
            better = value < best - DUST and hits > 0.0
        if better:
            state[4 * lanes + lane] = value
            out_row[place + lane] = row
            out_hits[place + lane] = hits
            out_kept[place + lane] = kept
            out_lost[place + lane] = state[2 * lanes + lane]


@kernel(
    "int64(int64, int64, int64[::1], int32[::1], uint8[::1], uint8[::1], float64[::1], float64[::1], int64, "
    "float64[::1], int64, float64, float64[::1], int64[::1], float64[::1], float64[::1], float64[::1])"
)
def choose_cuts(first_group, last_group, starts, image, hit, block_end, loss, weights, lanes, positives, criterion,
                parameter, state, out_row, out_hits, out_kept, out_lost):
    """The cut of some groups that is best by a criterion, under every weighting.

    starts[g]:starts[g + 1]: rows of group g by descending score. hit: true positives. block_end: the last row of a
    score: a cut never parts equal scores. loss: of localisation, a value per row, or empty. weights: (images, lanes).
    positives: weighted ground truths, (groups, lanes). parameter: beta squared, or the target. state: scratch, STATE *
    lanes. out_*: (groups, lanes): the last row kept, -1 if no cut will do, and the true positives, rows and loss kept.
    Only a score that has weight is a candidate; of equally good ones the highest is taken. Returns 0.
    """
    for group in range(first_group, last_group):
        place = group * lanes
        for i in range(STATE * lanes):
            state[i] = 0.0
        for lane in range(lanes):
            state[4 * lanes + lane] = 1.0 if criterion == LRP else 0.0  # the LRP error of keeping nothing
            out_row[place + lane] = -1
            out_hits[place + lane], out_kept[place + lane], out_lost[place + lane] = 0.0, 0.0, 0.0
        may_be_better = criterion == PRECISION
        for row in range(starts[group], starts[group + 1]):
            add_row(row, image[row] * lanes, lanes, image, hit, loss, weights, state)
            if hit[row]:
                may_be_better = True  # misses alone make every other criterion worse
            if block_end[row]:
                if may_be_better:
                    judge(row, place, lanes, criterion, parameter, positives, state, out_row, out_hits, out_kept,
                          out_lost)
                may_be_better = criterion == PRECISION
                if criterion == PRECISION:
                    for lane in range(lanes):
                        state[3 * lanes + lane] = state[lane]
    return 0


@kernel(
    "int64(int64, int64, int64[::1], int32[::1], uint8[::1], float64[::1], float64[::1], float64[::1], int64, "
    "float64[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64[::1])"
)
def counts_at_cuts(first_group, last_group, starts, image, hit, loss, scores, weights, lanes, cuts, order, state,
                   out_hits, out_kept, out_lost):
    """True positives, rows and loss of some groups with a score of at least the cut of each lane.

    cuts: one per lane, infinity to keep nothing. order: lanes by descending cut. Otherwise as `choose_cuts`. Returns 0.
    """
    for group in range(first_group, last_group):
        for i in range(3 * lanes):
            state[i] = 0.0
        row = starts[group]
        for i in range(lanes):
            lane = order[i]
            while row < starts[group + 1] and scores[row] >= cuts[lane]:
                add_row(row, image[row] * lanes, lanes, image, hit, loss, weights, state)
                row += 1
            out_hits[group * lanes + lane] = state[lanes + lane]
            out_kept[group * lanes + lane] = state[lane]
            out_lost[group * lanes + lane] = state[2 * lanes + lane]
    return 0
