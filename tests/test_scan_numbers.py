"""Numbers that the scanner reads are those of Python's json, bit for bit; what it declines is known."""

import json
import math
import random
import struct
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from fractions import Fraction

import numpy as np
import pytest
from scan_mutants import NUMBERS, ODD_VALUES

from deteval.loading.scan import scan_detections
from deteval.loading.source import Text

DECLINED = 0xFFFFFFFFFFFFFFFF
"""Bits that no decimal number has: a NaN."""
MOST = 10**18
"""One more than the largest number of 18 digits."""


def scanned(numbers):
    """The bits of each number as the scanner reads it, DECLINED where it does not."""
    fives = [numbers[start : start + 5] for start in range(0, len(numbers), 5)]
    fives[-1] = [*fives[-1], "0", "0", "0", "0"][:5]
    records = [f'{{"image_id":1,"category_id":1,"bbox":[{a},{b},{c},{d}],"score":{e}}}' for a, b, c, d, e in fives]
    data = f"[{','.join(records)}]".encode()
    columns = scan_detections(Text("f.json", data, len(data)), 1)
    if columns is not None:
        return np.column_stack([columns.boxes, columns.scores]).ravel()[: len(numbers)].view(np.uint64)
    if len(numbers) == 1:
        return np.array([DECLINED], np.uint64)
    half = len(numbers) // 2
    return np.concatenate([scanned(numbers[:half]), scanned(numbers[half:])])


def assert_exact(numbers, most_declined=0):
    """Every number is read as Python reads it, but for those that are declined."""
    bits = scanned(numbers)
    declined = bits == np.uint64(DECLINED)
    values = json.loads(f"[{','.join(numbers)}]")
    expected = np.fromiter(map(float, values), np.float64, len(values)).view(np.uint64)
    wrong = np.flatnonzero(~declined & (bits != expected))
    assert not len(wrong), [(numbers[place], hex(bits[place]), hex(expected[place])) for place in wrong[:5]]
    assert declined.sum() <= most_declined, [numbers[place] for place in np.flatnonzero(declined)[:5]]


def digits(rng):
    """A number of 1 to 18 digits, each count as likely as another."""
    return rng.randrange(10 ** rng.randrange(1, 19))


def halfway(rng):
    """An odd number of 54 bits: twice the mantissa of a double, and one."""
    return rng.randrange(1 << 53, 1 << 54) | 1


def test_random_numbers_with_exponents():
    rng = random.Random(1)
    assert_exact([f"{rng.choice(('', '-'))}{digits(rng)}{rng.choice('eE')}{rng.randrange(-307, 290):+}"
                  for _ in range(70_000)])


def test_random_numbers_with_a_point_and_an_exponent():
    rng = random.Random(2)
    numbers = []
    for _ in range(50_000):
        text = str(rng.randrange(10, 10 ** rng.randrange(2, 19)))
        point = rng.randrange(1, len(text))
        numbers.append(f"{text[:point]}.{text[point:]}e{rng.randrange(-290, 290)}")
    assert_exact(numbers)


def test_decimals():
    rng = random.Random(3)
    numbers = [f"{rng.uniform(-1000, 1000):.{places}f}" for places in range(1, 7) for _ in range(10_000)]
    numbers += [str(digits(rng)) for _ in range(10_000)]
    assert_exact(numbers)


def test_doubles_of_random_bits():
    """Of all 2**64; every 2,000th is too small for the scanner."""
    rng = random.Random(4)
    doubles = struct.unpack("<60000d", rng.randbytes(480_000))
    assert_exact([repr(one) for one in doubles if math.isfinite(one)], most_declined=70)


def test_doubles_written_at_17_and_18_digits():
    rng = random.Random(5)
    doubles = [math.ldexp(rng.uniform(0.5, 1), rng.randrange(-1000, 1020)) for _ in range(15_000)]
    assert_exact([f"{one:.16e}" for one in doubles] + [f"{one:.17e}" for one in doubles])


def test_whole_numbers_halfway_between_two_doubles():
    rng = random.Random(6)
    middles = [halfway(rng) << rng.randrange(6) for _ in range(8000)]
    assert_exact([str(number + step) for number in middles for step in (-1, 0, 1) if number + step < MOST])


def test_halfway_with_a_power_of_ten():
    """A multiple of a power of five, so that few digits and an exponent are exactly halfway; and both neighbours."""
    rng = random.Random(7)
    numbers = []
    for _ in range(8000):
        power = rng.randrange(1, 23)
        odd = (halfway(rng) // 5**power) | 1
        number = odd << rng.randrange(max(1, (MOST // odd).bit_length() - 1))
        assert number < MOST
        numbers += [f"{number + step}e{power}" for step in (-1, 0, 1)]
    assert_exact(numbers)


def test_halfway_with_decimals():
    rng = random.Random(8)
    numbers = []
    for _ in range(6000):
        places = rng.randrange(1, 3)
        number = halfway(rng) * 5**places
        numbers += [f"{number + step}e-{places}" for step in (-1, 0, 1)]
        numbers.append(f"{str(number)[:-places]}.{str(number)[-places:]}")
    assert_exact(numbers)


@pytest.mark.parametrize("rounding", [ROUND_FLOOR, ROUND_CEILING])
def test_nearest_numbers_of_18_digits_to_a_halfway(rounding):
    """As near to the middle of two doubles as 18 digits get, at every magnitude."""
    rng = random.Random(9)
    context, numbers = Context(prec=18, rounding=rounding), []
    for _ in range(6000):
        middle = halfway(rng) * Fraction(2) ** rng.randrange(-1070, 969)
        nearest = context.divide(middle.numerator, middle.denominator)
        numbers.append(f"{nearest:e}")
    assert_exact(numbers)


def test_boundaries():
    numbers = [str((1 << bits) + step) for bits in range(50, 60) for step in range(-40, 41)]
    leads = ("1", "9", "0.1", "9.999999999999999", "1.0")
    numbers += [f"{lead}e{power}" for lead in leads for power in range(-300, 308)]
    numbers += ["9007199254740993", "9007199254740993.0", "9007199254740992.99", "9007199254740991.5", "1.797e308",
                "1.7976931348623157e308", "2.2250738585072014e-308", "2.225073858507202e-308", "0.5", "0.25", "1e0"]
    assert_exact(numbers)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_form(number):
    assert_exact([number] * 5)
    if not number.startswith("-"):
        assert_exact([f"-{number}"] * 5)


@pytest.mark.parametrize("number", ODD_VALUES)
def test_odd_forms_are_declined_or_exact(number):
    if (scanned([number] * 5) != np.uint64(DECLINED)).any():
        assert_exact([number] * 5)


def test_zeros():
    assert_exact(["0", "-0", "0.0", "-0.0", "0e9", "-0e9", "0E-999", "-0.000e-9999", "0." + "0" * 400, "-0.0e+0"])


def test_too_small_and_too_large_is_declined_or_exact():
    leads = ("1", "4.9", "2.2250738585072011", "4.4501477170144023", "123456789012345678", "1.7976931348623157")
    numbers = [f"{lead}e{power}" for lead in leads for power in [*range(-345, -300), *range(285, 310)]]
    numbers += [repr(math.ldexp(1 + step / 8, power)) for power in range(-1074, -1010) for step in range(8)]
    assert_exact(numbers, most_declined=len(numbers))
    for number in ("1e309", "1e400", "-1e400", "1.7976931348623159e308", "1e99999"):
        assert scanned([number])[0] == DECLINED
