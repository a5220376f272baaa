"""Codewords against slow, obvious versions; few distinct costs, so that many are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.compressors.whole import Words
from embcomp.kernels.beam import Tables
from embcomp.kernels.codewords import improve, searched, sums_by_symbol

DTYPES = st.sampled_from([np.int32, np.int64])


@given(
    st.integers(0, 9999),
    st.integers(0, 40),
    st.integers(0, 9),
    st.integers(1, 70),
    st.integers(1, 3),
    st.sampled_from([2, 5000]),
)
def test_costs_and_the_nearest_word(
    seed: int, n_rows: int, dim: int, n_words: int, n_books: int, largest: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(-largest, largest + 1, (n_rows, dim)).astype(np.float32)
    books = rng.integers(-largest, largest + 1, (n_books, n_words, dim)).astype(np.float32)
    expected = np.square(books, dtype=np.float64).sum(axis=2)[:, None] - 2 * (
        rows.astype(np.float64) @ books.swapaxes(1, 2)
    )
    longest_row = float(np.sqrt(np.square(rows).sum(axis=1).max(initial=0)))
    costs = Words(books).costs(rows, longest_row)
    assert costs.dtype == np.int32
    assert np.array_equal(costs, expected)
    assert Words(books[0]).nearest(rows, longest_row).tolist() == expected[0].argmin(axis=1).tolist()


@given(st.integers(0, 9999), st.integers(0, 40), st.integers(0, 9), st.integers(1, 70))
def test_sums_by_symbol(seed: int, n_rows: int, dim: int, n_words: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(-(2**13), 2**13, (n_rows, dim)).astype(np.float32)
    codes = rng.integers(0, n_words, n_rows).astype(np.uint16)
    expected = [rows[codes == word].astype(np.int64).sum(axis=0) for word in range(n_words)]
    assert np.array_equal(sums_by_symbol(rows, codes, n_words), expected)


def problem(seed: int, n_rows: int, n_books: int, n_words: int, dtype: Any) -> tuple[np.ndarray, Tables]:
    """Costs of rows and words, and symmetric tables of numbers of up to 13 bits and the sign, times 1 or 4."""
    rng = np.random.default_rng(seed)
    half = rng.integers(-3, 4, (n_books, n_books, n_words, n_words)) * rng.choice([1, 1365])
    tables = np.ascontiguousarray(half + half.transpose(1, 0, 3, 2), np.int16)
    return rng.integers(-4, 5, (n_books, n_rows, n_words)).astype(dtype), Tables(tables, 2 * (seed % 2))


def cost(own: np.ndarray, tables: Tables, row: int, code: list[int]) -> int:
    """Of a code, or the start of one."""
    pairs = sum(int(tables.numbers[j, k, code[k], symbol]) for j, symbol in enumerate(code) for k in range(j))
    return int(sum(own[j, row, symbol] for j, symbol in enumerate(code))) + (pairs << tables.shift)


SIZES = (st.integers(0, 9999), st.integers(0, 9), st.integers(1, 6), st.integers(1, 40), DTYPES)


@given(*SIZES, st.integers(1, 6))
def test_a_beam_keeps_the_cheapest_prefixes(
    seed: int, n_rows: int, n_books: int, n_words: int, dtype: Any, width: int
) -> None:
    own, tables = problem(seed, n_rows, n_books, n_words, dtype)
    found = searched(own, tables, width, 0)
    assert found.shape == (n_rows, n_books)
    for row, code in enumerate(found.tolist()):
        kept: list[list[int]] = [[]]
        for _ in range(n_books):
            longer = [[*prefix, word] for prefix in kept for word in range(n_words)]
            kept = sorted(longer, key=lambda prefix: cost(own, tables, row, prefix))[:width]
        assert code == kept[0]


@given(*SIZES, st.integers(0, 4))
def test_local_search(seed: int, n_rows: int, n_books: int, n_words: int, dtype: Any, sweeps: int) -> None:
    own, tables = problem(seed, n_rows, n_books, n_words, dtype)
    codes = np.random.default_rng(seed).integers(0, n_words, (n_rows, n_books)).astype(np.uint16)
    expected = codes.tolist()
    for row, code in enumerate(expected):
        for j in list(range(n_books)) * sweeps:
            costs = [cost(own, tables, row, [*code[:j], word, *code[j + 1 :]]) for word in range(n_words)]
            code[j] = costs.index(min(costs))
    improve(own, tables, codes, sweeps)
    assert codes.tolist() == expected


def test_a_search_is_a_beam_and_local_search() -> None:
    own, tables = problem(1, 200, 4, 33, np.int32)
    expected = searched(own, tables, 2, 0)
    improve(own, tables, expected, 3)
    assert np.array_equal(searched(own, tables, 2, 3), expected)


def refused(kernel: Any, arrays: list[np.ndarray], good: tuple[int, ...], wrong: tuple[int, ...]) -> None:
    """Assert that the sizes are accepted, and none of them when it is negative or as in ``wrong``."""
    kernel(*arrays, good)
    for place, other in enumerate(wrong):
        for size in (-1, other):
            with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
                kernel(*arrays, (*good[:place], size, *good[place + 1 :]))


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    own, tables, codes = np.zeros((2, 5, 3), np.int32), np.zeros((2, 2, 3, 3), np.int16), np.zeros((5, 2), np.uint16)
    refused(kernels.native.search, [own, tables, codes], (5, 2, 3, 0, 1, 1), (4, 1, 2, 18, 65, -2))
    codes[4, 1] = 3
    with pytest.raises(ValueError, match=r"^codes must be numbers of words$"):
        kernels.native.search(own, tables, codes, (5, 2, 3, 0, 0, 1))
    rows, nothing = np.zeros((5, 3), np.float32), np.zeros(0, np.uint16)
    words, norms = np.zeros((2, 1, 2, 16, 2), np.int16), np.zeros((2, 16), np.int32)
    refused(kernels.native.words, [rows, words, norms, own, nothing], (5, 3, 3, 2), (4, 5, 17, 1))
    one = [rows, words[0], norms[0], np.zeros(0, np.int32), np.zeros(5, np.uint16)]
    refused(kernels.native.words, one, (5, 3, 3, 0), (4, 5, 17, 2))
    symbols, sums = np.array([0, 1, 2, 3, 3], np.uint16), np.zeros((4, 3))
    refused(kernels.native.totals, [rows, symbols, sums], (5, 3, 4), (4, 2, 3))
