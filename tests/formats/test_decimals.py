"""The fast parsers against Python's own, one token at a time."""

from __future__ import annotations

import itertools
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embcomp.formats.decimals import TOKENS_PER_STEP, parse_any, parse_short

SHORT = re.compile(rb"-?(?=.{1,16}$)([0-9]+\.?[0-9]*|\.[0-9]+)")
ANY = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse(tokens: list[bytes], before: bytes = b" ") -> tuple[np.ndarray, np.ndarray]:
    text = b"".join(before + token for token in tokens)
    lengths = np.array([len(token) for token in tokens], dtype=np.int64)
    stops = np.cumsum(lengths + len(before))
    cuts = np.stack([stops - lengths - 1, stops], axis=1)
    numbers, good = parse_short(np.frombuffer(text, dtype=np.uint8), cuts)
    return numbers[:, 0], good[:, 0]


def check(tokens: list[bytes], before: bytes = b" ") -> None:
    numbers, good = parse(tokens, before)
    assert numbers.dtype == np.float32
    for token, number, is_good in zip(tokens, numbers, good, strict=True):
        assert is_good == (SHORT.fullmatch(token) is not None and _digits(token) < 9e15), token
        if is_good:
            assert number.tobytes() == np.float32(float(token)).tobytes(), token


def _digits(token: bytes) -> int:
    """The characters without sign, the point taken for a zero."""
    return int(token.lstrip(b"-").replace(b".", b"0"))


def test_all_short_strings() -> None:
    characters = [bytes([code]) for code in b"059.-+eE \x80"]
    tokens = [b"".join(some) for size in (1, 2, 3, 4) for some in itertools.product(characters, repeat=size)]
    check(tokens)


def test_every_byte_in_every_place() -> None:
    for place in range(17):
        check([b"1234567.901234567"[:place] + bytes([code]) + b"1"[: 16 - place] for code in range(256)])
        check([b"0" * place + bytes([code]) + b"1" * (15 - place) for code in range(256) if place < 16])


@given(
    st.lists(st.from_regex(rb"-?[0-9]{0,12}\.?[0-9]{0,12}", fullmatch=True).filter(bool), min_size=1, max_size=300),
    st.sampled_from([b" ", b"\xff", b"9", b"-", b"."]),
)
def test_plain_numbers_of_any_length(tokens: list[bytes], before: bytes) -> None:
    check(tokens, before)


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=50))
def test_any_bytes(tokens: list[bytes]) -> None:
    check(tokens)


def test_more_tokens_than_one_step() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=TOKENS_PER_STEP * 2 + 5)
    check([f"{value:.6f}".encode() for value in values])


def test_no_tokens() -> None:
    numbers, good = parse_short(np.zeros(0, np.uint8), np.zeros((0, 2), np.int64))
    assert numbers.shape == good.shape == (0, 1)


@given(st.lists(st.text("0123456789+-.eE", min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_other_parser_takes_all_or_nothing(tokens: list[str]) -> None:
    numbers = parse_any("".join(f" {token}" for token in tokens).encode(), len(tokens))
    if all(ANY.fullmatch(token.encode()) for token in tokens):
        assert numbers is not None
        with np.errstate(over="ignore"):
            expected = np.array([float(token) for token in tokens]).astype(np.float32)
        np.testing.assert_array_equal(numbers, expected)
    else:
        assert numbers is None


def test_the_other_parser_refuses_what_is_no_decimal_number() -> None:
    for token in (b"nan", b"inf", b"0x1p3", b"1_000", b"\x0b", b"1\xc2\xa0", "１".encode()):
        assert parse_any(b" 1 " + token, 2) is None
