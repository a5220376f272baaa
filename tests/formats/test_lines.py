"""A block of lines against one line at a time, with the extension and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.formats.lines import parse_lines
from embcomp.formats.rows import MAX_WORD_BYTES, BadRowError, parse_row

DIM = 24
STRANGE = [
    b"1e-5",
    b"-2E+3",
    b"+1",
    b"0.00000000000000000001",
    b"12345678901234567890",
    b"1-2",
    b"x",
    b"1e99",
    b"nan",
]
NO_NUMBERS = STRANGE[5:]


def numbers(seed: int) -> list[bytes]:
    return [f"{value:.5f}".encode() for value in np.random.default_rng(seed).normal(size=DIM)]


@st.composite
def wide_rows(draw: st.DrawFn) -> list[tuple[bytes, list[bytes]]]:
    """Rows of a word and ``DIM`` numbers, of which few or many are strange."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        fields = numbers(draw(st.integers(0, 3)))
        for place in draw(st.lists(st.integers(0, DIM - 1), max_size=draw(st.sampled_from([0, 1, 3, DIM])))):
            fields[place] = draw(st.sampled_from(STRANGE))
        found.append((draw(st.sampled_from([b"a", b"b.c", b"", b"\xc3\xa9", b"-"])), fields))
    return found


@given(wide_rows(), st.sampled_from([b"\n", b" \n", b"\r\n"]))
def test_rows_are_those_parsed_one_by_one(rows: list[tuple[bytes, list[bytes]]], end: bytes) -> None:
    texts = [b" ".join([word, *fields]) for word, fields in rows]
    parsed = parse_lines(b"".join(text + end for text in texts), DIM)
    words = parsed.words.split(b"\n")
    assert parsed.n_lines == len(words) == len(parsed.vectors) == len(texts)
    for row, (text, (_, fields)) in enumerate(zip(texts, rows, strict=True)):
        assert (row in parsed.bad) == bool(set(fields) & set(NO_NUMBERS))
        if row not in parsed.bad:
            word, vector = parse_row(text, DIM)
            assert words[row] == word
            assert parsed.vectors[row].tobytes() == vector.tobytes()
        else:
            with pytest.raises(BadRowError) as refused:
                parse_row(text, DIM)
            assert str(parsed.bad[row]) == str(refused.value)


def words(text: bytes, dim: int) -> list[bytes]:
    parsed = parse_lines(text, dim)
    assert not parsed.bad
    return parsed.words.split(b"\n")


def test_words_by_hand() -> None:
    assert words(b"a 1 2\nbc 3\t4\n", 2) == [b"a", b"bc"]
    assert words(b"a\tb 1 2\na\t1 2\n", 2) == [b"a\tb", b"a"]
    assert words(b"a\t1 2\n", 1) == [b"a\t1"]
    assert words(b" 1 2\n", 2) == [b""]
    assert words(b"a\x1fb 1\n", 1) == [b"a\x1fb"]
    assert words(b"a b  1 2 \t\r\v\f\n", 2) == [b"a b"]


@pytest.mark.parametrize("end", [b"", b"\n", b" \r\n\n", b"\n\t\n"])
def test_blank_lines_at_the_end_are_lines_and_not_rows(end: bytes) -> None:
    parsed = parse_lines(b"a 1\n\nb 2\n" + end, 1)
    assert (parsed.words, list(parsed.bad), parsed.n_lines) == (b"a\n\nb", [1], 3 + end.count(b"\n"))
    assert len(parsed.vectors) == 3
    if end:
        assert len(parse_lines(end, 1).vectors) == 0


def test_a_word_that_is_too_long() -> None:
    longest = b"w" * MAX_WORD_BYTES
    assert words(longest + b" 3 4\n", 2) == [longest]
    parsed = parse_lines(b"a 1 2\nw" + longest + b" 3 4\n", 2)
    assert str(parsed.bad[1]) == "a word of 1048577 bytes, allowed at most 1048576"


@pytest.mark.parametrize("dim", [1, 2, DIM])
def test_no_number_is_no_number(dim: int) -> None:
    good = [b"7"] * dim
    for place in range(dim):
        for token in (b"", b"-", b"+", b"e5", b"1-2", b"1.2.3", b".", b"-."):
            bad = [*good[:place], token, *good[place + 1 :]]
            text = b"".join(b" ".join([b"w", *fields]) + b"\n" for fields in (good, bad, good))
            assert list(parse_lines(text, dim).bad) == [1], bad


def test_an_empty_number_makes_a_bad_row() -> None:
    parsed = parse_lines(b"a 1 2\nb  3\nc 4 \nd 5 6\n", 2)
    assert {row: str(error) for row, error in parsed.bad.items()} == {
        1: "1 number, expected 2",
        2: "1 number, expected 2",
    }
    assert parsed.vectors[[0, 3]].tolist() == [[1, 2], [5, 6]]
