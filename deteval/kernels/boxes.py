"""One look at many boxes: whether anything about them needs a closer look, and which rows occur twice."""

from numpy import uint32, uint64

from deteval.kernels.compiled import helper, kernel

WRONG, ORDERED, FRACTIONS, FAR, OUTSIDE, EMPTY, SURVEYED = 0, 1, 2, 3, 4, 5, 6
"""Places in the tallies of `survey_boxes`, and how many there are."""
FRACTION = 1.5
"""A file whose coordinates all lie below this may hold fractions of the image."""
BEYOND = 0.1
"""A box may reach beyond its image by this share of the side before it is remarked upon."""
FAR_OUT = 1e7
"""Pixels; beyond, float64 loses parts of small boxes."""
SIGN = uint64(1 << 63)
FACTOR, HALF = uint64(0x9E3779B97F4A7C15), uint64(29)


@helper
def is_finite(value):
    """Whether a number is neither infinite nor NaN."""
    return value - value == 0.0


@kernel("int64(int64, int64, float64[::1], int32[::1], float64[::1], float64[::1], int64[::1])")
def survey_boxes(begin, end, boxes, image, width, height, tallies):
    """Count boxes of x, y, width, height: wrong ones (not finite, negative, overflowing or vanishing area), those with
    width > x and height > y, those within FRACTION of 0, far out ones, those that reach far beyond their image, and
    those without width or height.

    image: position of the image, -1 for none; width, height: of the images, NaN where unknown. Adds to `tallies`.
    Returns 0.
    """
    for i in range(begin, end):
        x, y, w, h = boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]
        area = w * h
        if not (is_finite(x + w) and is_finite(y + h) and is_finite(area) and w >= 0.0 and h >= 0.0) or (
                area == 0.0 and w > 0.0 and h > 0.0):
            tallies[WRONG] += 1
        if w == 0.0 or h == 0.0:
            tallies[EMPTY] += 1
        if w > x and h > y:
            tallies[ORDERED] += 1
        most = max(max(abs(x), abs(y)), max(abs(w), abs(h)))
        if most <= FRACTION:
            tallies[FRACTIONS] += 1
        if most >= FAR_OUT:
            tallies[FAR] += 1
        if image[i] >= 0:
            across, down = width[image[i]], height[image[i]]
            if (x < -BEYOND * across or y < -BEYOND * down or x + w > (1.0 + BEYOND) * across
                    or y + h > (1.0 + BEYOND) * down):
                tallies[OUTSIDE] += 1
    return 0


@helper
def mixed(digest, value):
    """A hash with one more value; 0.0 and -0.0 are the same."""
    digest = (digest ^ (uint64(0) if value == SIGN else value)) * FACTOR
    return digest ^ (digest >> HALF)


@kernel("int64(int64, int64, int32[::1], int32[::1], uint64[::1], uint64[::1], uint64[::1])")
def row_digests(begin, end, image, category, boxes, scores, out):
    """A 64-bit hash of image, class, box and score of each row; floats as their bits. Returns 0."""
    for i in range(begin, end):
        digest = mixed(mixed(uint64(image[i]), uint64(category[i])), scores[i])
        for side in range(4):
            digest = mixed(digest, boxes[4 * i + side])
        out[i] = digest
    return 0


@kernel("int64(uint64[::1], uint32[::1], uint32[::1], int64[::1])")
def repeat_candidates(digests, seen, again, out):
    """Rows whose digest may stand for another row too, ascending, into `out`. Returns how many.

    seen, again: tables of bits, all 0, of the same length, a power of two.
    """
    places = uint64(seen.size * 32 - 1)
    five, rest = uint64(5), uint64(31)
    for i in range(digests.size):
        place = digests[i] & places
        word, flag = place >> five, uint32(1) << uint32(place & rest)
        if seen[word] & flag:
            again[word] |= flag
        else:
            seen[word] |= flag
    count = 0
    for i in range(digests.size):
        place = digests[i] & places
        if again[place >> five] & (uint32(1) << uint32(place & rest)):
            out[count] = i
            count += 1
    return count
