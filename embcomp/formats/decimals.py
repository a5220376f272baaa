"""Many decimal numbers at once, each rounded exactly as ``float32(float(token))``.

There are two parsers. :func:`parse_short` takes what nearly all files consist of: an optional minus, at
most 16 digits with at most one point among them. It works on whole arrays, eight characters in each 64-bit word:

1.  The 8 bytes that end where the token ends are cut out of the text, or 16 for longer tokens; what precedes the
    token is made zero.
2.  Eight digits become an integer in three multiplications (D. Lemire, "Quickly parsing eight digits", 2018), the
    point taking part as the digit 0. What stands before the point moves one place down: before, as bytes; in 16
    bytes with f digits after the point afterwards, the mantissa being ``v − 9 · 10^f · ⌊v / 10^(f+1)⌋``.
3.  The mantissa is below 2^53 and 10^f is below 10^16, so both are exact as float64, and IEEE division rounds their
    quotient correctly [Clinger 1990].

:func:`parse_any` takes every decimal number at the speed of the C library. gensim rounds to float64 and then to
float32, and so do both; parsing directly to float32 would sometimes give another last bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, UInt64Array

Positions = NDArray[np.int64]

TOKENS_PER_STEP = 65536  # fewer do not keep two threads busy: they wait for each other between steps
PAD_BYTES = 16
MAX_CHARACTERS = 16
MAX_EXACT = 9e15  # below 2^53

_SAFE = b"0123456789+-.eE "

_ZERO_DIGITS = np.uint64(0x3030303030303030)
_TO_HIGH_BIT = np.uint64(0x7676767676767676)  # added to more than 9, sets the high bit
_HIGH_BITS = np.uint64(0x8080808080808080)
_POINT = np.uint64(ord(".") ^ ord("0"))
_BYTE = np.uint64(0xFF)
_LAST_BYTES = np.array([0, *(2**64 - 2 ** (64 - 8 * n) for n in range(1, 9))], dtype=np.uint64)  # by their number
_ONE = np.uint64(1)
_PLACES_LAST = np.uint64(0x0807060504030201)  # times a flag in byte k, top byte: 8 − k
_PLACES_FIRST = np.uint64(0x100F0E0D0C0B0A09)  # 16 − k
# by 1 + f where there is a point, by 0 where there is none
_POWERS = np.array([1.0, *(10.0**f for f in range(MAX_CHARACTERS))])
_NEXT_POWERS = np.array([np.inf, *(10.0 ** (f + 1) for f in range(MAX_CHARACTERS))])


def parse_short(codes: NDArray[np.uint8], cuts: Positions) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Parse tokens of a text that are short plain decimal numbers.

    Args:
        codes: the text, uint8.
        cuts: for each row of ``dim`` tokens, where the character before each token is, and where the last token's
            end is: int64, shape (n, dim + 1); no token is empty.

    Returns:
        float32, shape (n, dim); and for which tokens it holds.
    """
    padded = np.empty((len(codes) + 2 * PAD_BYTES) // 8 * 8, dtype=np.uint8)
    padded[PAD_BYTES : PAD_BYTES + len(codes)] = codes
    n_rows, dim = len(cuts), cuts.shape[1] - 1
    numbers = np.empty((n_rows, dim), dtype=np.float32)
    good = np.empty((n_rows, dim), dtype=np.bool_)
    rows_per_step = max(1, TOKENS_PER_STEP // dim)
    for first in range(0, n_rows, rows_per_step):
        step = slice(first, first + rows_per_step)
        starts, stops = cuts[step, :-1] + (PAD_BYTES + 1), cuts[step, 1:] + PAD_BYTES
        found, holds = _parse_step(padded, starts.ravel(), stops.ravel())
        numbers[step], good[step] = found.reshape(starts.shape), holds.reshape(starts.shape)
    return numbers, good


def parse_any(text: bytes, count: int) -> FloatArray | None:
    """Parse ``count`` tokens, each one or more characters after exactly one space.

    A token of safe characters is read as one number, or stops the parser, which may still give what it had, and for
    nothing at all gives −1. A final 0 that we append shows that it did not stop: if there is one number more than
    tokens, each token is a number.

    Returns:
        float32, shape (count,), with infinity for what is too large; ``None`` if any token is no decimal number.
    """
    if text.translate(None, _SAFE):
        return None
    try:
        numbers: FloatArray = np.fromstring(text + b" 0", dtype=np.float32, sep=" ")
    except (ValueError, DeprecationWarning):  # it stopped; numpy 2.0 only warns and gives fewer numbers
        return None
    return numbers[:-1] if numbers.size == count + 1 else None


def _parse_step(
    padded: NDArray[np.uint8], starts: Positions, stops: Positions
) -> tuple[FloatArray, NDArray[np.bool_]]:
    negative = padded.take(starts) == ord("-")
    lengths = stops - starts
    lengths -= negative
    words = padded.view("<u8")
    values, good = _parse_8(words, stops, lengths)
    long = np.flatnonzero(lengths > 8)
    if len(long):
        values[long], good[long] = _parse_16(words, stops[long], lengths[long])
    numbers = values.astype(np.float32)
    signs = negative.astype(np.uint32)
    signs <<= np.uint32(31)
    patterns = numbers.view(np.uint32)
    patterns ^= signs
    return numbers, good


def _parse_8(words: UInt64Array, stops: Positions, lengths: Positions) -> tuple[DoubleArray, NDArray[np.bool_]]:
    """Parse tokens without sign that are no longer than 8 characters; longer ones are not good."""
    digits, points, bad = _digits(_8_bytes(words, stops), lengths)
    has_point = np.minimum(points, _ONE)
    before_point = digits & (points - has_point)
    before_point *= _BYTE  # one place up, and no longer where it was: 256 − 1
    digits += before_point
    values = _integer(digits).view(np.int64).astype(np.float64)
    points *= _PLACES_LAST
    points >>= np.uint64(56)
    values /= _POWERS.take(points.view(np.int64), mode="clip")
    good = bad == 0
    good &= lengths <= 8
    good &= lengths > has_point.view(np.int64)  # there is a digit
    return values, good


def _parse_16(words: UInt64Array, stops: Positions, lengths: Positions) -> tuple[DoubleArray, NDArray[np.bool_]]:
    """Parse tokens without sign that are longer than 8 characters."""
    last, last_points, last_bad = _digits(_8_bytes(words, stops), lengths)
    first, first_points, first_bad = _digits(_8_bytes(words, stops - 8), lengths - 8)
    places = (last_points * _PLACES_LAST >> np.uint64(56)) + (first_points * _PLACES_FIRST >> np.uint64(56))
    places = places.view(np.int64)
    values = (_integer(first) * np.uint64(10**8) + _integer(last)).view(np.int64).astype(np.float64)
    good = (last_bad | first_bad) == 0
    good &= (last_points == 0) | (first_points == 0)
    good &= (lengths <= MAX_CHARACTERS) & (values < MAX_EXACT)
    powers = _POWERS.take(places, mode="clip")
    values -= 9 * powers * np.floor(values / _NEXT_POWERS.take(places, mode="clip"))
    values /= powers
    return values, good


def _8_bytes(words: UInt64Array, stops: Positions) -> UInt64Array:
    """Return the 8 bytes before each stop, the first byte lowest."""
    index = stops >> 3
    shift = ((stops & 7) << 3).view(np.uint64)
    before = words.take(index - 1)
    before >>= shift
    after = words.take(index)
    after <<= np.uint64(64) - shift  # shifting by 64 gives 0
    before |= after
    return before


def _digits(word: UInt64Array, lengths: Positions) -> tuple[UInt64Array, UInt64Array, UInt64Array]:
    """Return the values of eight digits in as many bytes, where the point is, and what is wrong.

    Args:
        word: eight characters; overwritten.
        lengths: how many of them, from the last, belong to the token; 8 if more.

    Returns:
        bytes from 0 to 9, 0 for a point; 1 in the byte of the point; not 0 if there is anything else.
    """
    word ^= _ZERO_DIGITS
    word &= _LAST_BYTES.take(lengths, mode="clip")
    flags = word + _TO_HIGH_BIT
    flags |= word
    flags &= _HIGH_BITS
    flags >>= np.uint64(7)
    word ^= flags * _POINT
    bad = flags * _BYTE
    bad &= word
    bad |= flags & (flags - _ONE)
    return word, flags, bad


def _integer(word: UInt64Array) -> UInt64Array:
    """Return the number that eight bytes from 0 to 9 are the decimal digits of."""
    low = np.uint64(0x000000FF000000FF)
    word = word * np.uint64(10) + (word >> np.uint64(8))
    left = word & low
    left *= np.uint64(0x000F424000000064)
    word >>= np.uint64(16)
    word &= low
    word *= np.uint64(0x0000271000000001)
    word += left
    word >>= np.uint64(32)
    return word
