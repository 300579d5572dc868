"""Bytes of a COCO file to columns: the records of a results list, or of the annotations of a ground truth.

Declined (left to the slower decode, which words what is wrong): a field that is missing, repeated or of another
type, an id that is no plain whole number, a key with an escape, anything that is not strict JSON.
"""

from numpy import uint64

from deteval.kernels.compiled import helper, kernel
from deteval.kernels.json_values import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    eight_bytes,
    read_float,
    read_integer,
    skip_space,
    skip_value,
)

IMAGE_ID, CATEGORY_ID, BBOX, SCORE, AREA, IS_CROWD, IGNORE, ID, CATEGORY_NAME = (1 << bit for bit in range(9))
DETECTION = IMAGE_ID | CATEGORY_ID | BBOX | SCORE
ANNOTATION = IMAGE_ID | CATEGORY_ID | BBOX


def packed(key: str) -> tuple[int, int]:
    """Up to twelve bytes of a key as two numbers of six bytes."""
    halves = key.encode()[:6], key.encode()[6:12]
    first, second = (int.from_bytes(half, "little") for half in halves)
    return first, second


KEY_IMAGE_ID, KEY_CATEGORY_ID, KEY_BBOX, KEY_SCORE = (
    packed(key) for key in ("image_id", "category_id", "bbox", "score"))
KEY_AREA, KEY_IS_CROWD, KEY_IGNORE, KEY_ID = (packed(key) for key in ("area", "iscrowd", "ignore", "id"))
LONGEST_KEY = 12
"""Keys of interest are shorter than this, so that two packed numbers tell them from all others."""


@helper
def field_of(first, second):
    """The field that a packed key names, 0 for one of no interest."""
    if first == KEY_IMAGE_ID[0] and second == KEY_IMAGE_ID[1]:
        return IMAGE_ID
    if first == KEY_CATEGORY_ID[0] and second == KEY_CATEGORY_ID[1]:
        return CATEGORY_ID
    if first == KEY_BBOX[0] and second == KEY_BBOX[1]:
        return BBOX
    if first == KEY_SCORE[0] and second == KEY_SCORE[1]:
        return SCORE
    if first == KEY_AREA[0] and second == KEY_AREA[1]:
        return AREA
    if first == KEY_IS_CROWD[0] and second == KEY_IS_CROWD[1]:
        return IS_CROWD
    if first == KEY_IGNORE[0] and second == KEY_IGNORE[1]:
        return IGNORE
    return ID if first == KEY_ID[0] and second == KEY_ID[1] else 0


@helper
def read_key(data, i, size):
    """The field whose key begins at i, 0 for one of no interest, and where its closing quote is; -1 for an escape."""
    first, second, length = 0, 0, 0
    while i < size and data[i] != QUOTE:
        byte = int(data[i])
        if byte < 32 or byte == 92:
            return 0, -1
        if length < 6:
            first |= byte << (8 * length)
        elif length < LONGEST_KEY:
            second |= byte << (8 * (length - 6))
        length += 1
        i += 1
    return field_of(first, second) if length < LONGEST_KEY else 0, i


def quoted(key: str) -> tuple[uint64, uint64]:
    """A key and its closing quote as the lowest bytes of a number, and the mask of those bytes; at most eight."""
    text = (key + '"').encode()[:8]
    return uint64(int.from_bytes(text, "little")), uint64((1 << (8 * len(text))) - 1)


(QUOTED_BBOX, MASK_BBOX), (QUOTED_SCORE, MASK_SCORE), (QUOTED_AREA, MASK_AREA) = map(quoted, ("bbox", "score", "area"))
(QUOTED_IS_CROWD, _), (QUOTED_ID, MASK_ID) = map(quoted, ("iscrowd", "id"))
EIGHT_OF_IMAGE_ID, EIGHT_OF_CATEGORY_ID = quoted("image_id")[0], quoted("category_id")[0]


@helper
def common_field(data, i):
    """The field whose key stands at i, and where its closing quote is; 0 for a key that takes a closer look."""
    eight = eight_bytes(data, i)
    if eight == EIGHT_OF_IMAGE_ID and data[i + 8] == QUOTE:
        return IMAGE_ID, i + 8
    if eight == EIGHT_OF_CATEGORY_ID and data[i + 8] == 95 and data[i + 9] == 105 and data[i + 10] == 100 \
            and data[i + 11] == QUOTE:
        return CATEGORY_ID, i + 11
    if eight & MASK_BBOX == QUOTED_BBOX:
        return BBOX, i + 4
    if eight & MASK_SCORE == QUOTED_SCORE:
        return SCORE, i + 5
    if eight & MASK_AREA == QUOTED_AREA:
        return AREA, i + 4
    if eight == QUOTED_IS_CROWD:
        return IS_CROWD, i + 7
    return (ID, i + 2) if eight & MASK_ID == QUOTED_ID else (0, i)


@helper
def read_box(data, i, size, powers, boxes, place):
    """A list of four numbers into boxes[place:place + 4]."""
    if i >= size or data[i] != OPEN_LIST:
        return -1
    for side in range(4):
        i = read_float(data, skip_space(data, i + 1, size), size, powers, boxes, place + side)
        if i < 0:
            return -1
        i = skip_space(data, i, size)
        if i >= size or data[i] != (COMMA if side < 3 else CLOSE_LIST):
            return -1
    return i + 1


@helper
def read_flag(data, i, size, flags, place):
    """0, 1, true or false into flags[place]."""
    if i < size and (data[i] == 48 or data[i] == 49):
        after = i + 1
        if after < size and (data[after] == 46 or data[after] == 101 or data[after] == 69 or 48 <= data[after] <= 57):
            return -1
        flags[place] = data[i] - 48
        return after
    after = skip_value(data, i, size) if i < size and (data[i] == 116 or data[i] == 102) else -1
    if after >= 0:
        flags[place] = 1 if data[i] == 116 else 0
    return after


@kernel(
    "int64(const uint8[::1], int64, int64, int64, int64, uint64[::1], int64[::1], int64[::1], uint64[::1], "
    "uint64[::1], int64[::1], uint8[::1], uint8[::1], uint8[::1], int64[::1])"
)
def scan_records(data, begin, limit, size, required, powers,
                 image_id, category_id, boxes, number, annotation_id, is_crowd, ignore, seen, stop):
    """Records of a list into columns, from the record at `begin` to the first that starts at or after `limit`.

    required: DETECTION or ANNOTATION; `number` holds the score of the one, the area of the other, as float64 bits
    (boxes too). seen: which optional fields an annotation had, bit 0 score, 1 area, 2 iscrowd, 3 ignore, 4 id. The
    columns of annotations alone are not touched for detections. stop: the position where scanning ended, at the next
    record or past the end of the list, and 1 if it was the end of the list. Returns the number of records, or -1 if
    the text is left to the slower decode, or if there is no room for more records.
    """
    annotations = required == ANNOTATION
    records = 0
    i = begin
    while True:
        if records == image_id.size or i >= size or data[i] != OPEN_OBJECT:
            return -1
        fields = 0
        i = skip_space(data, i + 1, size)
        if i < size and data[i] == CLOSE_OBJECT:
            return -1
        while True:
            if i >= size or data[i] != QUOTE:
                return -1
            i += 1
            field = 0
            if i + LONGEST_KEY < size:
                field, i = common_field(data, i)
            if field == 0:
                field, i = read_key(data, i, size)
                if i < 0:
                    return -1
            if fields & field:
                return -1
            fields |= field
            i = skip_space(data, i + 1, size)
            if i >= size or data[i] != COLON:
                return -1
            i = skip_space(data, i + 1, size)
            if i >= size:
                return -1
            if field == BBOX:
                i = read_box(data, i, size, powers, boxes, 4 * records)
            elif field == IMAGE_ID:
                i = read_integer(data, i, size, image_id, records)
            elif field == CATEGORY_ID:
                i = read_integer(data, i, size, category_id, records)
            elif field == (AREA if annotations else SCORE):
                i = read_float(data, i, size, powers, number, records)
            elif annotations and field == ID:
                i = read_integer(data, i, size, annotation_id, records)
            elif annotations and (field == IS_CROWD or field == IGNORE):
                i = read_flag(data, i, size, is_crowd if field == IS_CROWD else ignore, records)
            else:
                i = skip_value(data, i, size)
            if i < 0:
                return -1
            i = skip_space(data, i, size)
            if i >= size:
                return -1
            if data[i] == CLOSE_OBJECT:
                break
            if data[i] != COMMA:
                return -1
            i = skip_space(data, i + 1, size)
        if fields & required != required:
            return -1
        if annotations:
            seen[records] = (fields & (SCORE | AREA | IS_CROWD | IGNORE | ID)) >> 3
        records += 1
        i = skip_space(data, i + 1, size)
        if i >= size:
            return -1
        if data[i] == CLOSE_LIST:
            stop[0], stop[1] = i + 1, 1
            return records
        if data[i] != COMMA:
            return -1
        i = skip_space(data, i + 1, size)
        if i >= limit:
            stop[0], stop[1] = i, 0
            return records


@kernel("int64(const uint8[::1], int64, int64)")
def skip_json(data, begin, size):
    """The position after the value that starts at `begin`, or -1."""
    return skip_value(data, begin, size)


@kernel("int64(const uint8[::1], int64, int64)")
def next_value(data, opening, size):
    """The position of the first value of the list that opens at a position; -1 if it is no list, or empty."""
    if opening >= size or data[opening] != OPEN_LIST:
        return -1
    i = skip_space(data, opening + 1, size)
    return i if i < size and data[i] != CLOSE_LIST else -1


@kernel("int64(const uint8[::1], int64, int64)")
def next_record(data, begin, size):
    """A position at or after `begin` that looks like the start of a record within a list: } , {. -1 if there is none.

    It may lie within a string or a nested list: whoever scans up to it finds out.
    """
    i = begin
    while i < size:
        if data[i] == CLOSE_OBJECT:
            after = skip_space(data, i + 1, size)
            if after < size and data[after] == COMMA:
                after = skip_space(data, after + 1, size)
                if after < size and data[after] == OPEN_OBJECT:
                    return after
        i += 1
    return -1
