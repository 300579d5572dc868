"""JSON values passed over or read from bytes, strictly: what is accepted here, Python's `json` accepts too.

Positions are indices into `data`; every function returns the position after what it read, or -1 for anything that is
not right, unusual, or left to the slower decode. The bytes are known to be valid UTF-8. Every loop ends at `size`.
"""

from numpy import uint64

from deteval.kernels.compiled import helper
from deteval.kernels.numbers import DECLINED, float_bits

QUOTE, BACKSLASH, COMMA, COLON, MINUS, PLUS, POINT = 34, 92, 44, 58, 45, 43, 46
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 93, 123, 125
ONE = uint64(1)
ZEROS, LOW_BITS, TOP_BITS = uint64(0x3030303030303030), uint64(0x7F7F7F7F7F7F7F7F), uint64(0x8080808080808080)
TEN_OR_MORE, PLACES = uint64(0x7676767676767676), uint64(0x0001020304050607)
PAIRS = uint64(0x000000FF000000FF)
DEEPEST = 60
"""Values nested deeper than this are left to the slower decode."""
LONGEST_NUMBER = 300
MOST_DIGITS = 18


@helper
def eight_bytes(data, i):
    """Eight bytes from i on as one number, the first lowest; unsigned indices make it one load."""
    j = uint64(i)
    return (uint64(data[j]) | uint64(data[j + ONE]) << uint64(8) | uint64(data[j + uint64(2)]) << uint64(16)
            | uint64(data[j + uint64(3)]) << uint64(24) | uint64(data[j + uint64(4)]) << uint64(32)
            | uint64(data[j + uint64(5)]) << uint64(40) | uint64(data[j + uint64(6)]) << uint64(48)
            | uint64(data[j + uint64(7)]) << uint64(56))


@helper
def other_than_digits(eight):
    """The top bit of every byte that is no digit."""
    digits = eight ^ ZEROS
    return (((digits & LOW_BITS) + TEN_OR_MORE) | digits) & TOP_BITS


@helper
def first_byte(tops):
    """The place of the lowest top bit that is set, of a number that is not 0."""
    return int((((tops & (~tops + ONE)) >> uint64(7)) * PLACES) >> uint64(56))


@helper
def skip_space(data, i, size):
    """The first position that is not white space."""
    while i < size and (data[i] == 32 or data[i] == 10 or data[i] == 13 or data[i] == 9):
        i += 1
    return i


@helper
def is_digit(byte):
    """Whether a byte is 0 to 9."""
    return 48 <= byte <= 57


@helper
def is_hexadecimal(byte):
    """Whether a byte is 0 to 9, a to f or A to F."""
    return 48 <= byte <= 57 or 97 <= byte <= 102 or 65 <= byte <= 70


@helper
def skip_string(data, i, size):
    """Past a string whose opening quote stands before i."""
    while i < size:
        byte = data[i]
        if byte == QUOTE:
            return i + 1
        if byte < 32:
            return -1
        if byte == BACKSLASH:
            i += 1
            if i >= size:
                return -1
            byte = data[i]
            if byte == 117:  # u and four digits
                if i + 4 >= size:
                    return -1
                for digit in range(1, 5):
                    if not is_hexadecimal(data[i + digit]):
                        return -1
                i += 4
            elif not (byte == QUOTE or byte == BACKSLASH or byte == 47 or byte == 98 or byte == 102 or byte == 110
                      or byte == 114 or byte == 116):
                return -1
        i += 1
    return -1


@helper
def skip_digits(data, i, size):
    """Past a run of digits, perhaps empty."""
    while i < size and is_digit(data[i]):
        i += 1
    return i


@helper
def skip_number(data, i, size):
    """Past a number."""
    start = i
    if i < size and data[i] == MINUS:
        i += 1
    if i >= size or not is_digit(data[i]):
        return -1
    i = i + 1 if data[i] == 48 else skip_digits(data, i, size)
    if i < size and data[i] == POINT:
        after = skip_digits(data, i + 1, size)
        if after == i + 1:
            return -1
        i = after
    if i < size and (data[i] == 101 or data[i] == 69):
        i += 1
        if i < size and (data[i] == PLUS or data[i] == MINUS):
            i += 1
        after = skip_digits(data, i, size)
        if after == i:
            return -1
        i = after
    return i if i - start <= LONGEST_NUMBER else -1


@helper
def skip_word(data, i, size):
    """Past true, false or null."""
    if i + 4 > size:
        return -1
    a, b, c, d = data[i], data[i + 1], data[i + 2], data[i + 3]
    if a == 116 and b == 114 and c == 117 and d == 101:
        return i + 4
    if a == 110 and b == 117 and c == 108 and d == 108:
        return i + 4
    if a == 102 and b == 97 and c == 108 and d == 115 and i + 4 < size and data[i + 4] == 101:
        return i + 5
    return -1


@helper
def skip_plain(data, i, size):
    """Past a value that is neither list nor object."""
    if data[i] == QUOTE:
        return skip_string(data, i + 1, size)
    if data[i] == MINUS or is_digit(data[i]):
        return skip_number(data, i, size)
    return skip_word(data, i, size)


@helper
def skip_key(data, i, size):
    """Past a key, its colon and the white space around them; the opening quote stands at i or after white space."""
    i = skip_space(data, i, size)
    if i >= size or data[i] != QUOTE:
        return -1
    i = skip_string(data, i + 1, size)
    if i < 0:
        return -1
    i = skip_space(data, i, size)
    if i >= size or data[i] != COLON:
        return -1
    return skip_space(data, i + 1, size)


@helper
def skip_number_list(data, i, size):
    """From the first number of a list of plain numbers to the closing bracket; -1 if the list holds anything else.

    Most bytes of a ground truth are polygons, so this is the loop that reading one spends its time in.
    """
    while i < size:
        if data[i] == MINUS:
            i += 1
        if i + 9 < size:  # a short number and what follows it, in one look
            eight = eight_bytes(data, i)
            tops = other_than_digits(eight)
            rest = tops & (tops - ONE)
            if rest != uint64(0):
                end = first_byte(tops)
                plain = end > 0 and (data[i] != 48 or end == 1)
                if plain and data[i + end] == POINT:
                    point, end = end, first_byte(rest)
                    plain = end > point + 1
                if plain and data[i + end] == COMMA and data[i + end + 1] == 32:
                    i += end + 2
                    continue
        start = i
        while i < size and is_digit(data[i]):
            i += 1
        if i == start or i == size or (data[start] == 48 and i - start > 1):
            return -1
        if data[i] == POINT:
            i += 1
            point = i
            while i < size and is_digit(data[i]):
                i += 1
            if i == point or i == size:
                return -1
        if i - start > LONGEST_NUMBER:
            return -1
        if data[i] == CLOSE_LIST:
            return i
        if data[i] != COMMA:
            return -1
        i += 1
        if i < size and data[i] == 32:
            i += 1
    return -1


@helper
def skip_value(data, i, size):
    """Past any value, whose first byte stands at i. `kinds` has a bit per open list (0) or object (1)."""
    depth, kinds = 0, 0
    while True:
        if i < 0 or i >= size:
            return -1
        opened = False
        if data[i] == OPEN_LIST or data[i] == OPEN_OBJECT:
            if depth == DEEPEST:
                return -1
            is_object = 1 if data[i] == OPEN_OBJECT else 0
            kinds = 2 * kinds + is_object
            depth += 1
            i = skip_space(data, i + 1, size)
            if i >= size:
                return -1
            if data[i] != CLOSE_LIST + 32 * is_object:  # } is ] + 32
                opened = True
                if is_object:
                    i = skip_key(data, i, size)
                elif data[i] == MINUS or is_digit(data[i]):
                    closing = skip_number_list(data, i, size)
                    if closing >= 0:
                        i, opened = closing, False
        else:
            i = skip_plain(data, i, size)
            if i < 0:
                return -1
        while not opened:  # a value has ended, or an empty list or object stands at its closing byte
            if depth == 0:
                return i
            i = skip_space(data, i, size)
            if i >= size:
                return -1
            is_object = kinds & 1
            if data[i] == COMMA:
                i = skip_key(data, i + 1, size) if is_object else skip_space(data, i + 1, size)
                opened = True
            elif data[i] == CLOSE_LIST + 32 * is_object:
                i += 1
                depth -= 1
                kinds >>= 1
            else:
                return -1


@helper
def read_integer(data, i, size, out, place):
    """A whole number of up to 18 digits into out[place]."""
    negative = i < size and data[i] == MINUS
    if negative:
        i += 1
    start, value = i, 0
    while i < size and is_digit(data[i]):
        if i - start == MOST_DIGITS:
            return -1
        value = 10 * value + (int(data[i]) - 48)
        i += 1
    if i == start or (data[start] == 48 and i - start > 1):
        return -1
    if i < size and (data[i] == POINT or data[i] == 101 or data[i] == 69):
        return -1
    out[place] = -value if negative else value
    return i


@helper
def read_digits(data, i, size, value):
    """Digits appended to a number: its new value (wrong past 18 digits, which the caller counts), and the position."""
    while i + 8 <= size:
        eight = eight_bytes(data, i)
        if other_than_digits(eight) != uint64(0):
            break
        pairs = eight ^ ZEROS
        pairs = pairs * uint64(10) + (pairs >> uint64(8))
        eight = ((pairs & PAIRS) * uint64(0x000F424000000064)
                 + ((pairs >> uint64(16)) & PAIRS) * uint64(0x0000271000000001)) >> uint64(32)
        value = 100_000_000 * value + int(eight & uint64(0xFFFFFFFF))
        i += 8
    while i < size and is_digit(data[i]):
        value = 10 * value + (int(data[i]) - 48)
        i += 1
    return value, i


@helper
def read_float(data, i, size, powers, out, place):
    """A number of up to 18 significant digits into out[place], as the bits of the nearest float64."""
    negative = i < size and data[i] == MINUS
    if negative:
        i += 1
    start, exponent, whole = i, 0, True
    value, i = read_digits(data, i, size, 0)
    digits = i - start
    if digits == 0 or (data[start] == 48 and digits > 1):
        return -1
    if i < size and data[i] == POINT:
        whole = False
        point = i
        value, i = read_digits(data, i + 1, size, value)
        exponent = point + 1 - i
        if exponent == 0:
            return -1
        digits -= exponent
        if data[start] == 48:  # leading zeros are not significant
            while start < i and (data[start] == 48 or data[start] == POINT):
                digits -= 1 if data[start] == 48 else 0
                start += 1
    if digits > MOST_DIGITS:
        return -1
    if i < size and (data[i] == 101 or data[i] == 69):
        whole = False
        i += 1
        downwards = i < size and data[i] == MINUS
        if i < size and (data[i] == MINUS or data[i] == PLUS):
            i += 1
        start = i
        power, i = read_digits(data, i, size, 0)
        if i == start or i - start > 4:
            return -1
        exponent += -power if downwards else power
    if value == 0:  # -0 is a whole number for Python, and 0
        out[place] = uint64(1 << 63) if negative and not whole else uint64(0)
        return i
    bits = float_bits(uint64(value), exponent, negative, powers)
    if bits == DECLINED:
        return -1
    out[place] = bits
    return i
