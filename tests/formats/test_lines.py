"""A block of lines, taken apart at once, against one line at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.formats import lines
from embcomp.formats.lines import FEW, parse_lines
from embcomp.formats.rows import BadRowError, parse_row

DIM = 3 * FEW
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
    assert parsed.n_lines == len(parsed.words) == len(parsed.vectors) == len(texts)
    for row, (text, (_, fields)) in enumerate(zip(texts, rows, strict=True)):
        assert (row in parsed.bad) == bool(set(fields) & set(NO_NUMBERS))
        if row not in parsed.bad:
            word, vector = parse_row(text, DIM)
            assert parsed.words[row] == word
            assert parsed.vectors[row].tobytes() == vector.tobytes()
        else:
            with pytest.raises(BadRowError) as refused:
                parse_row(text, DIM)
            assert str(parsed.bad[row]) == str(refused.value)


def found(text: bytes, dim: int) -> list[list[Any]]:
    return [part.tolist() for part in lines._cut(np.frombuffer(text, dtype=np.uint8), dim)]


def test_rows_cut_by_hand() -> None:
    assert found(b"a 1 2\nbc 3\t4\n", 2) == [[0, 6], [5, 12], [0, 1], [[1, 3, 5], [8, 10, 12]]]
    assert found(b" 1 2\n", 2) == [[0], [4], [0], [[0, 2, 4]]]
    irregular = [b"a  2", b"a 1 ", b"a 1 2 ", b"a 1 2\r", b"a 1", b"b 2 3 4", b"a b 1 2", b"a\x1fb 1", b"", b"  "]
    for line in irregular:
        text = b"x 1 2\n" + line + b"\ny 3 4\n"
        assert found(text, 2)[2] == [0, 2], line


@pytest.mark.parametrize("limit", ["MAX_WORD_BYTES", "MAX_LINE_BYTES"])
def test_long_rows_are_left(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a 1 2\n" + b"w" * 20 + b" 3 4\n"
    assert found(text, 2)[2] == [0, 1]
    monkeypatch.setattr(lines, limit, 19)
    assert found(text, 2)[2] == [0]
    assert parse_lines(text, 2).words == [b"a", b"w" * 20]


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
