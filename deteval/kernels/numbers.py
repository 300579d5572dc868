"""Decimal numbers to the nearest float64, as bits, after Eisel and Lemire (Lemire 2021, arXiv 2101.11408).

Exact for every number it decides; the few that it cannot decide, and what is too small or too large, it declines.
"""

from numpy import uint64

from deteval.kernels.compiled import helper

SMALLEST_POWER, LARGEST_POWER = -342, 308
DECLINED = uint64(0xFFFFFFFFFFFFFFFF)
"""Stands for a number that is left to others; as float64 it would be a NaN, which no decimal number is."""


def powers_of_five() -> list[int]:
    """The leading 128 bits of 5**q for q from -342 to 308, each as its upper and its lower 64 bits."""
    words = []
    for q in range(SMALLEST_POWER, LARGEST_POWER + 1):
        if q >= 0:
            power = 5**q
            shift = power.bit_length() - 128
            value = power >> shift if shift > 0 else power << -shift
        else:
            power = 5**-q
            bits = (power - 1).bit_length()  # the least z with 2**z >= power
            value = (1 << (bits + 127 if q >= -27 else 2 * bits + 128)) // power + 1
            value >>= max(0, value.bit_length() - 128)
        words += [value >> 64, value & 0xFFFFFFFFFFFFFFFF]
    return words


@helper
def high_product(a, b):
    """The upper 64 bits of the product of two uint64."""
    mask, half = uint64(0xFFFFFFFF), uint64(32)
    low = (a & mask) * (b & mask)
    middle = (a >> half) * (b & mask) + (low >> half)
    other = (a & mask) * (b >> half) + (middle & mask)
    return (a >> half) * (b >> half) + (middle >> half) + (other >> half)


@helper
def leading_zeros(value):
    """Leading zero bits of a uint64 that is not 0."""
    count, nothing = 0, uint64(0)
    if value >> uint64(32) == nothing:
        value, count = value << uint64(32), count + 32
    if value >> uint64(48) == nothing:
        value, count = value << uint64(16), count + 16
    if value >> uint64(56) == nothing:
        value, count = value << uint64(8), count + 8
    if value >> uint64(60) == nothing:
        value, count = value << uint64(4), count + 4
    if value >> uint64(62) == nothing:
        value, count = value << uint64(2), count + 2
    return count + (1 if value >> uint64(63) == nothing else 0)


@helper
def float_bits(digits, exponent, negative, powers):
    """The float64 nearest to digits * 10**exponent as its bits, or DECLINED. digits: uint64, not 0."""
    if exponent < SMALLEST_POWER or exponent > LARGEST_POWER:
        return DECLINED
    one = uint64(1)
    zeros = leading_zeros(digits)
    w = digits << uint64(zeros)
    place = 2 * (exponent - SMALLEST_POWER)
    upper, lower = high_product(w, powers[place]), w * powers[place]
    if upper & uint64(0x1FF) == uint64(0x1FF):
        more = high_product(w, powers[place + 1])
        lower = lower + more
        if more > lower:
            upper = upper + one
    if lower == DECLINED and (exponent < -27 or exponent > 55):
        return DECLINED
    top = upper >> uint64(63)
    shift = top + uint64(9)
    mantissa = upper >> shift
    power = ((217706 * exponent) >> 16) + 63 + int(top) - zeros + 1023
    if power <= 0:
        return DECLINED
    tie = lower <= one and -4 <= exponent <= 23 and mantissa & uint64(3) == one
    if tie and mantissa << shift == upper:
        mantissa = mantissa - one
    mantissa = (mantissa + (mantissa & one)) >> one
    if mantissa >= uint64(1 << 53):
        mantissa = uint64(1 << 52)
        power += 1
    if power >= 2047:
        return DECLINED
    bits = (mantissa & uint64((1 << 52) - 1)) | (uint64(power) << uint64(52))
    return bits | (uint64(1 << 63) if negative else uint64(0))
