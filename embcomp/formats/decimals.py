"""Many decimal numbers at once, each rounded exactly as ``float32(float(token))``.

Two ways, and no need for a third. :func:`parse_short` takes what nearly all files consist of: an optional minus, at
most 16 digits with at most one point among them. It works on whole arrays, eight characters in each 64-bit word:

1.  The 16 bytes that end where the token ends are cut out of the text; what precedes the token is made zero.
2.  Eight digits become an integer in three multiplications (D. Lemire, "Quickly parsing eight digits", 2018), the
    point taking part as the digit 0. With f digits after the point and ``v`` the integer so made, the mantissa is
    ``v − 9 · 10^f · ⌊v / 10^(f+1)⌋``: what stands before the point moves one place down.
3.  The mantissa is below 2^53 and 10^f is below 10^16, so both are exact as float64, and IEEE division rounds their
    quotient correctly (W. Clinger, "How to read floating point numbers accurately", 1990).

:func:`parse_any` takes every decimal number at the speed of the C library. gensim rounds to float64 and then to
float32, and so do both; parsing straight to float32 would give another last bit now and then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.embedding import FloatMatrix

Positions = NDArray[np.int64]
Words = NDArray[np.uint64]

TOKENS_PER_STEP = 16384  # some fifteen arrays of 128 kB: they stay in the cache
PAD_BYTES = 16
MAX_CHARACTERS = 16
MAX_EXACT = 9e15  # below 2^53

_SAFE = b"0123456789+-.eE "

_ZERO_DIGITS = np.uint64(0x3030303030303030)
_TO_HIGH_BIT = np.uint64(0x7676767676767676)  # added to more than 9, sets the high bit
_HIGH_BITS = np.uint64(0x8080808080808080)
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
_POINT = np.uint64(ord(".") ^ ord("0"))
_BYTE = np.uint64(0xFF)
_ONE = np.uint64(1)
_PLACES_LAST = np.uint64(0x0807060504030201)  # times a flag in byte k, top byte: 8 − k
_PLACES_FIRST = np.uint64(0x100F0E0D0C0B0A09)  # 16 − k
# by 1 + f where there is a point, by 0 where there is none
_POWERS = np.array([1.0, *(10.0**f for f in range(MAX_CHARACTERS))])
_NEXT_POWERS = np.array([np.inf, *(10.0 ** (f + 1) for f in range(MAX_CHARACTERS))])


def parse_short(
    codes: NDArray[np.uint8], starts: Positions, stops: Positions
) -> tuple[FloatMatrix, NDArray[np.bool_]]:
    """Parse tokens of a text that are short plain decimal numbers.

    Args:
        codes: the text, uint8.
        starts: of each token, position of its first character, int64, shape (n,).
        stops: position after its last character; no token is empty.

    Returns:
        float32, shape (n,); and for which tokens it holds.
    """
    padded = np.empty((len(codes) + 2 * PAD_BYTES) // 8 * 8, dtype=np.uint8)
    padded[PAD_BYTES : PAD_BYTES + len(codes)] = codes
    numbers = np.empty(len(starts), dtype=np.float32)
    good = np.empty(len(starts), dtype=np.bool_)
    for first in range(0, len(starts), TOKENS_PER_STEP):
        step = slice(first, first + TOKENS_PER_STEP)
        numbers[step], good[step] = _parse_step(padded, starts[step] + PAD_BYTES, stops[step] + PAD_BYTES)
    return numbers, good


def parse_any(text: bytes, count: int) -> FloatMatrix | None:
    """Parse ``count`` tokens, each one or more characters after exactly one space.

    A token of safe characters is read as one number, or stops the parser, or is read as several (``1-2``): so if
    there are as many numbers as tokens, each token is one.

    Returns:
        float32, shape (count,), with infinity for what is too large; ``None`` if any token is no decimal number.
    """
    if text.translate(None, _SAFE):
        return None
    try:
        numbers: NDArray[np.float32] = np.fromstring(text, dtype=np.float32, sep=" ")
    except (ValueError, DeprecationWarning):  # it stopped; numpy 1 only warns and gives fewer numbers
        return None
    return numbers if numbers.size == count else None


def _parse_step(
    padded: NDArray[np.uint8], starts: Positions, stops: Positions
) -> tuple[FloatMatrix, NDArray[np.bool_]]:
    negative = padded.take(starts) == ord("-")
    lengths = stops - starts
    lengths -= negative
    last, first = _last_16_bytes(padded.view("<u8"), stops)
    last, last_points, last_bad = _digits(last, 64 - 8 * lengths)
    first, first_points, first_bad = _digits(first, 128 - 8 * lengths)
    places = (last_points * _PLACES_LAST >> np.uint64(56)) + (first_points * _PLACES_FIRST >> np.uint64(56))
    places = places.view(np.int64)

    values = (_integer(first) * np.uint64(10**8) + _integer(last)).view(np.int64).astype(np.float64)
    good = (last_bad | first_bad) == 0
    good &= (last_points == 0) | (first_points == 0)
    good &= (lengths <= MAX_CHARACTERS) & (lengths > (places != 0))  # there is a digit
    good &= values < MAX_EXACT

    powers = _POWERS.take(places, mode="clip")
    values -= 9 * powers * np.floor(values / _NEXT_POWERS.take(places, mode="clip"))
    values /= powers
    values *= 1 - 2.0 * negative
    return values.astype(np.float32), good


def _last_16_bytes(words: Words, stops: Positions) -> tuple[Words, Words]:
    """Return the 8 bytes before each stop and the 8 before these, the first byte lowest."""
    index = stops >> 3
    shift = ((stops & 7) << 3).view(np.uint64)
    back = np.uint64(64) - shift  # shifting by 64 gives 0
    middle = words.take(index - 1)
    last = (middle >> shift) | (words.take(index) << back)
    first = (words.take(index - 2) >> shift) | (middle << back)
    return last, first


def _digits(word: Words, unused_bits: Positions) -> tuple[Words, Words, Words]:
    """Return the values of eight digits in as many bytes, where the point is, and what is wrong.

    Args:
        word: eight characters.
        unused_bits: how many low bits, 0 or fewer to 64 or more, precede the token.

    Returns:
        bytes from 0 to 9, 0 for a point; 1 in the byte of the point; not 0 if there is anything else.
    """
    word = (word ^ _ZERO_DIGITS) & (_ALL_BITS << np.maximum(unused_bits, 0).view(np.uint64))
    flags: Words = (((word + _TO_HIGH_BIT) | word) & _HIGH_BITS) >> np.uint64(7)
    word ^= flags * _POINT
    bad = word & (flags * _BYTE)
    bad |= flags & (flags - _ONE)
    return word, flags, bad


def _integer(word: Words) -> Words:
    """Return the number that eight bytes from 0 to 9 are the decimal digits of."""
    low = np.uint64(0x000000FF000000FF)
    word = word * np.uint64(10) + (word >> np.uint64(8))
    left = (word & low) * np.uint64(0x000F424000000064)
    right = ((word >> np.uint64(16)) & low) * np.uint64(0x0000271000000001)
    return (left + right) >> np.uint64(32)
