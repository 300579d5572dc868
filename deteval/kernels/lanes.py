"""Many weights at once: average precision and counts of replicates, sixteen lanes side by side.

The rows of a class are sorted once; a replicate only weighs them otherwise. Forward, weights are added up to totals;
backward, from the last row that matters to the first, the best precision so far is the interpolated one, and a true
positive gains as many recall points as lie between the recalls before and after it. There is no search, and no branch
that depends on a weight, so that sixteen replicates cost little more than one. The reference's recall points exceed
k/100 by an ulp at ten k: a recall of exactly k/100 does not gain those. That takes positives that are a multiple of
ten; only the lanes that have them are looked at again.

All numbers are counts held as floats: float32 is exact below `MOST_POSITIVES` and `MOST_ROWS`, else float64 is used.
"""

from numpy import float32, float64, int32, uint64

from deteval.kernels.compiled import helper, kernel

LANES = 16
"""Replicates that are worked on at once: the last axis of weights, positives and results."""
MOST_POSITIVES, MOST_ROWS = 30_000, 1 << 24
"""Up to here float32 finds the exact number of recall points, and counts rows exactly."""
POINTS = 100
"""Recall points above 0."""
MULTIPLE = 10
"""The reference's points above k/100 are met exactly only by positives that are a multiple of this."""
HITS, OVER, GAINED, BEST, AREA, SCALE, HALF = (uint64(part * LANES) for part in range(7))
PARTS = 7
"""What the state holds for each threshold: true positives, ignored rows, points gained, best precision and the area
under it, and how counts become points; LANES of each."""


@helper
def add_lanes(target, place, source, at, lanes):
    """target[place:place + lanes] += source[at:at + lanes]."""
    for lane in range(lanes):
        target[place + lane] += source[at + lane]


@helper
def subtract_lanes(target, place, source, at, lanes):
    """target[place:place + lanes] -= source[at:at + lanes]."""
    for lane in range(lanes):
        target[place + lane] -= source[at + lane]


@helper
def is_set(words, place, threshold):
    """Whether the bit of a threshold is set in the words of a row."""
    return (words[place + (threshold >> 5)] >> (threshold & 31)) & 1


@helper
def sum_row(row, image, hit, over, weights, thresholds, state, every, lanes):
    """Add the weights of a row to the totals of every threshold; those of all rows stand behind the thresholds."""
    words = (thresholds + 31) >> 5
    at = uint64(image[row]) * uint64(LANES)
    add_lanes(every, uint64(0), weights, at, lanes)
    marked = False
    for word in range(words):
        marked = marked or (hit[row * words + word] | over[row * words + word]) != 0
    if not marked:
        return
    for t in range(thresholds):
        place = uint64(t * PARTS * LANES)
        if is_set(hit, row * words, t):
            add_lanes(state, place + HITS, weights, at, lanes)
        elif is_set(over, row * words, t):
            add_lanes(state, place + OVER, weights, at, lanes)


@helper
def give_back(state, place, positives, cell, meeting, strict, number):
    """Take back a point that a recall of exactly k/100 does not gain, in the lanes that may have one."""
    for i in range(meeting[LANES]):
        lane = uint64(meeting[i])
        gained = state[place + GAINED + lane]
        exact = gained * positives[cell * LANES + meeting[i]] == state[place + HITS + lane] * number(POINTS)
        if exact and gained <= number(POINTS) and strict[int(gained)]:
            state[place + GAINED + lane] = gained - number(1.0)
            state[place + AREA + lane] += state[place + BEST + lane]


@helper
def climb_row(row, image, hit, over, weights, thresholds, positives, cell, meeting, strict, state, every, lanes, number,
              whole):
    """Pass a row on the way back: note the precision at it, and the points that it gains; then take its weights off.

    number, whole: the float and int types of the lanes.
    """
    words = (thresholds + 31) >> 5
    at = uint64(image[row]) * uint64(LANES)
    marked = False
    for word in range(words):
        marked = marked or (hit[row * words + word] | over[row * words + word]) != 0
    if marked:
        for t in range(thresholds):
            place = uint64(t * PARTS * LANES)
            if is_set(hit, row * words, t):
                for lane in range(lanes):
                    kept = every[lane] - state[place + OVER + lane]
                    precision = state[place + HITS + lane] / (kept if kept > number(1.0) else number(1.0))
                    best = state[place + BEST + lane]
                    best = precision if precision > best else best
                    hits = state[place + HITS + lane] - weights[at + lane]
                    gained = number(whole(hits * state[place + SCALE + lane] + state[place + HALF + lane]))
                    state[place + AREA + lane] += best * (state[place + GAINED + lane] - gained)
                    state[place + BEST + lane] = best
                    state[place + GAINED + lane] = gained
                    state[place + HITS + lane] = hits
                give_back(state, place, positives, cell, meeting, strict, number)
            elif is_set(over, row * words, t):
                subtract_lanes(state, place + OVER, weights, at, lanes)
    subtract_lanes(every, uint64(0), weights, at, lanes)


@helper
def run_cells(first_cell, last_cell, starts, image, hit, over, has_curve, positives, weights, thresholds, strict,
              meeting, state, every, area, hits, kept, number, whole):
    """The body of `replicate_cells_32` and `replicate_cells_64`."""
    lanes = uint64(every.size)  # is LANES, but a loop of known length is unrolled, and then not vectorised
    for cell in range(first_cell, last_cell):
        for i in range(state.size):
            state[i] = number(0.0)
        for lane in range(LANES):
            every[lane] = number(0.0)
        for row in range(starts[cell], starts[cell + 1]):
            sum_row(row, image, hit, over, weights, thresholds, state, every, lanes)
        for t in range(thresholds):
            for lane in range(LANES):
                out, place = (cell * thresholds + t) * LANES + lane, t * PARTS * LANES + lane
                hits[out] = state[place]
                kept[out] = every[lane] - state[place + LANES]
        if not has_curve[cell]:
            continue
        meeting[LANES] = 0
        for lane in range(LANES):
            if int(positives[cell * LANES + lane]) % MULTIPLE == 0:
                meeting[meeting[LANES]] = lane
                meeting[LANES] += 1
        for t in range(thresholds):
            for lane in range(LANES):
                place, positive = t * PARTS * LANES + lane, positives[cell * LANES + lane]
                positive = positive if positive > number(1.0) else number(1.0)
                scale, half = number(POINTS) / positive, number(0.5) / positive  # half a hit is more than errors make
                state[place + 2 * LANES] = number(whole(state[place] * scale + half))
                state[place + 5 * LANES], state[place + 6 * LANES] = scale, half
            give_back(state, uint64(t * PARTS * LANES), positives, cell, meeting, strict, number)
        for row in range(starts[cell + 1] - 1, starts[cell] - 1, -1):
            climb_row(row, image, hit, over, weights, thresholds, positives, cell, meeting, strict, state, every,
                      lanes, number, whole)
        for t in range(thresholds):
            for lane in range(LANES):
                place = t * PARTS * LANES + lane
                points = state[place + 4 * LANES] + state[place + 3 * LANES]  # recall 0 has the best of all
                area[(cell * thresholds + t) * LANES + lane] = points / number(POINTS + 1)


@kernel(
    "int64(int64, int64, int64[::1], int32[::1], uint32[::1], uint32[::1], uint8[::1], float32[::1], float32[::1], "
    "int64, uint8[::1], int64[::1], float32[::1], float32[::1], float32[::1], float32[::1], float32[::1])"
)
def replicate_cells_32(first_cell, last_cell, starts, image, hit, over, has_curve, positives, weights, thresholds,
                       strict, meeting, state, every, area, hits, kept):
    """Average precision and counts of some cells (a class at an area range and a cap) under LANES weights, in float32.

    starts[c]:starts[c + 1]: rows of cell c by descending score. image: their images. hit, over: bits per threshold,
    true positive and ignored. positives: weighted ground truths, (cells, LANES). weights: (images, LANES).
    strict: for every k whether the recall point exceeds k/100. meeting, state, every: scratch, LANES + 1, thresholds *
    PARTS * LANES and LANES. area: average precision of cells with has_curve;
    hits, kept: true positives, and all rows that are not ignored; each (cells, thresholds, LANES). Returns 0.
    """
    run_cells(first_cell, last_cell, starts, image, hit, over, has_curve, positives, weights, thresholds, strict,
              meeting, state, every, area, hits, kept, float32, int32)
    return 0


@kernel(
    "int64(int64, int64, int64[::1], int32[::1], uint32[::1], uint32[::1], uint8[::1], float64[::1], float64[::1], "
    "int64, uint8[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])"
)
def replicate_cells_64(first_cell, last_cell, starts, image, hit, over, has_curve, positives, weights, thresholds,
                       strict, meeting, state, every, area, hits, kept):
    """`replicate_cells_32` in float64, for more rows or positives than float32 counts exactly. Returns 0."""
    run_cells(first_cell, last_cell, starts, image, hit, over, has_curve, positives, weights, thresholds, strict,
              meeting, state, every, area, hits, kept, float64, int32)
    return 0


@kernel("int64(int64, int64, int64[::1], int32[::1], int64, float64[::1], float64[::1])")
def weigh_cells(first_cell, last_cell, starts, image, lanes, weights, sums):
    """The weights of the rows starts[c]:starts[c + 1] of some cells, added up: (cells, LANES). lanes: LANES, told from
    outside as in `run_cells`. Returns 0.
    """
    for cell in range(first_cell, last_cell):
        for lane in range(LANES):
            sums[cell * LANES + lane] = 0.0
        for row in range(starts[cell], starts[cell + 1]):
            add_lanes(sums, uint64(cell) * uint64(LANES), weights, uint64(image[row]) * uint64(LANES), uint64(lanes))
    return 0
