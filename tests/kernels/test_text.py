"""Decimal numbers and lines against Python's own, one at a time."""

from __future__ import annotations

import itertools
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.formats.rows import MAX_WORD_BYTES, BadRowError, parse_row
from embcomp.kernels.text import parse_rows

NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def check(tokens: list[bytes]) -> int:
    """Compare one token a line with Python; return how many are parsed."""
    words, vectors, done = parse_rows(b"".join(b"w " + token + b"\n" for token in tokens), 1, 1)
    each = words.split(b"\n") if tokens else []
    for token, word, number, is_done in zip(tokens, each, vectors[:, 0], done, strict=True):
        if is_done:
            assert NUMBER.fullmatch(token.rstrip()), token
            assert number.tobytes() == np.float32(float(token)).tobytes(), token
            assert np.isfinite(number)
            assert word == b"w"
        else:
            assert word == b"w " + token
    return int(done.sum())


def test_all_short_strings() -> None:
    characters = [bytes([code]) for code in b"059.-+eE \x80"]
    tokens = [b"".join(some) for size in (1, 2, 3, 4) for some in itertools.product(characters, repeat=size)]
    numbers = [token for token in tokens if NUMBER.fullmatch(token.rstrip(b" "))]
    small = [token for token in numbers if abs(float(token)) <= 3.4e38 and b"e-9" not in token.lower()]
    assert check(tokens) >= len(small) - 200
    assert check(small) >= len(small) - 200  # exponents beyond 64 are left to Python


@pytest.mark.parametrize("number", [b"1234567.901234567", b"1.23456789012345678901", b"-9.99999999999999999999"])
def test_every_byte_in_every_place(number: bytes) -> None:
    others = [bytes([code]) for code in range(256) if code != 0x0A]
    for place in range(len(number)):
        check([number[:place] + other + b"1" for other in others])
        check([number[:place] + other + number[place + 1 :] for other in others])


def test_digits_after_the_point() -> None:
    """Up to 15 of them have a path of their own; before the end of the text they have not."""
    digits = [b"0" * 25, b"9" * 25, b"1234567890123456789012345", b"0000000000000000000000001"]
    ends = [b"", b" ", b"e3", b"E-3", b"e", b".", b"x"]
    for sign, first, each, end in itertools.product([b"", b"-", b"+"], [b"0", b"9", b""], digits, ends):
        tokens = [sign + first + b"." + each[:size] + end for size in range(26)]
        check(tokens)
        for token in tokens:
            check([token])


@given(st.lists(st.from_regex(rb"-?[0-9]{0,25}\.?[0-9]{0,25}(e-?[0-9]{1,2})?", fullmatch=True), max_size=300))
def test_numbers_of_any_length(tokens: list[bytes]) -> None:
    check(tokens)


@given(st.lists(st.binary(max_size=20).map(lambda token: token.replace(b"\n", b"1")), max_size=50))
def test_any_bytes(tokens: list[bytes]) -> None:
    check(tokens)


@settings(max_examples=300)
@given(st.integers(0, 2**31 - 2**23 - 1), st.integers(-3, 3), st.sampled_from([9, 15, 16, 17, 18, 19, 20, 25, 40]))
def test_midpoints_of_float32(pattern: int, away: int, digits: int) -> None:
    """Where rounding to float64 first, or to float32 at once, would differ: halfway between, and next to that."""
    low, high = (struct.unpack("<f", struct.pack("<I", pattern + more))[0] for more in (0, 1))
    if np.isfinite(high):
        middle = np.float64(low) / 2 + np.float64(high) / 2
        for _ in range(abs(away)):
            middle = np.nextafter(middle, np.inf if away > 0 else -np.inf)
        check([f"{middle:.{digits}g}".encode(), f"{middle:.{digits}e}".encode()])


@pytest.mark.parametrize("form", ["{:.5f}", "{:.8e}", "{!r}", "{:.0f}", "{:.17g}", "{:.30g}"])
def test_numbers_as_they_are_written_are_parsed(form: str) -> None:
    values = np.random.default_rng(0).normal(size=2000) * 10.0 ** np.random.default_rng(1).integers(-9, 9, 2000)
    assert check([form.format(float(value)).encode() for value in values]) == 2000


def test_a_midpoint_that_is_cut_off_is_left_to_python() -> None:
    """16777217 is halfway between two numbers; digits that are cut off decide, which the kernel does not see."""
    for tail in (b"", b".0", b".00000000000000000000", b".00000000000000000001"):
        check([b"16777217" + tail, b"-16777217" + tail])


@given(st.lists(st.tuples(st.sampled_from([b"a", b"", b"\xc3\xa9", b"b\tc", b"x y", b"w" * 40]), st.lists(
    st.sampled_from([b"1", b"-2.5", b"", b"1e3", b"x", b"nan", b"7 "]), max_size=4)), max_size=20),
    st.sampled_from([b"\n", b" \n", b"\r\n"]), st.sampled_from([b" ", b"\t"]))  # fmt: skip
def test_rows_are_those_of_the_slow_parser(rows: list[tuple[bytes, list[bytes]]], end: bytes, gap: bytes) -> None:
    lines = [gap.join([word, *fields]) + end[:-1] for word, fields in rows]
    words, vectors, done = parse_rows(b"".join(line + b"\n" for line in lines), 2, 30)
    assert vectors.shape == (len(lines), 2)
    for line, word, vector, is_done in zip(lines, words.split(b"\n") if lines else [], vectors, done, strict=True):
        try:
            slow_word, slow = parse_row(line, 2)
        except BadRowError:
            assert not is_done
            continue
        if is_done:
            assert (word, vector.tobytes()) == (slow_word, slow.tobytes())
            assert len(word) <= 30
        else:
            assert word == line


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    words, vectors, done = np.empty(12, np.uint8), np.empty((2, 2), np.float32), np.empty(2, np.bool_)
    text = b"a 1 2\nb 3 4\n"
    assert kernels.native.text_lines(text) == 2
    assert kernels.native.text_rows(text, words, vectors, done, (2, 2, 9)) == 4
    for sizes in [(-1, 2, 9), (2, 0, 9), (2**61, 2, 9)]:
        with pytest.raises(ValueError, match=r"^a size must be from"):
            kernels.native.text_rows(text, words, vectors, done, sizes)
    for sizes in [(1, 2, 9), (2, 1, 9)]:
        with pytest.raises(ValueError, match=r"has \d+ bytes, expected"):
            kernels.native.text_rows(text, words, vectors, done, sizes)
    for other in (b"a 1 2\nb 3 4 ", b"a 1 2\n\n 3 4\n", b"a 1 2  3 4 \n"):
        with pytest.raises(ValueError, match=r"^text does not consist of 2 lines$"):
            kernels.native.text_rows(other, words[: len(other)], vectors, done, (2, 2, 9))
    with pytest.raises(TypeError):
        kernels.native.text_lines("text")
    assert parse_rows(b"", 2, MAX_WORD_BYTES)[0] == b""
