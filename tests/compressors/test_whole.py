"""Rows and costs in whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.compressors.additive import Search
from embcomp.compressors.whole import LONGEST, Words, to_whole, unit_of, unit_of_codebooks


def normal(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1, 1e12])
def test_a_row_of_usual_length_has_512_to_1024_units(scale: float) -> None:
    rows = normal(100, 8) * np.float32(scale)
    median = np.sort(np.linalg.norm(rows.astype(np.float64), axis=1))[50]
    unit = unit_of(rows)
    assert 2**9 <= median / unit < 2**10
    assert np.frexp(unit)[0] == 0.5  # a power of two


def test_the_unit_does_not_depend_on_the_order_of_rows_or_numbers() -> None:
    rows = normal(101, 30)
    assert unit_of(rows) == unit_of(rows[::-1].copy()) == unit_of(rows[:, ::-1].copy())


def test_rows_of_zeros_count_for_nothing() -> None:
    rows = normal(10, 3)
    assert unit_of(np.concatenate([np.zeros((50, 3), np.float32), rows])) == unit_of(rows)
    assert unit_of(np.zeros((5, 3), np.float32)) == 1
    assert unit_of(np.zeros((0, 3), np.float32)) == 1


def test_the_unit_of_codebooks_is_about_that_of_their_sums() -> None:
    books = normal(40, 8).reshape(4, 10, 8)  # sums have mean square length 4 · 8
    assert unit_of_codebooks(books) == 2.0**-7  # √32 = 5.7 has 724 units
    lone = np.zeros((1, 1000, 2), np.float32)
    lone[0, 0] = 600, 800
    assert 2**12 <= 1000 / unit_of_codebooks(lone) < 2**13
    assert unit_of_codebooks(np.zeros((2, 3, 4), np.float32)) == 1


def test_rows_are_rounded_and_long_ones_shortened() -> None:
    rows = np.array([[1.2, -3.3], [0, 0], [30000, 40000], [3e30, -4e30]], np.float32)
    whole = to_whole(rows, 0.5)
    assert whole[:2].tolist() == [[2, -7], [0, 0]]
    np.testing.assert_allclose(whole[2:], [[0.6 * LONGEST, 0.8 * LONGEST], [0.6 * LONGEST, -0.8 * LONGEST]], atol=1)
    assert np.linalg.norm(to_whole(normal(50, 9) * 1e6, 1.0), axis=1).max() < LONGEST + 3


@pytest.mark.parametrize(("scale", "dtype"), [(100, np.int32), (5_000, np.int32), (1_000_000, np.int64)])
def test_costs_are_exact(scale: int, dtype: type) -> None:
    """In float32, in float64 and 32 bits, in float64 and 64 bits."""
    rows, words = np.rint(scale * normal(20, 5)), np.rint(scale * normal(7, 5, seed=1))
    longest_row = float(np.linalg.norm(rows.astype(np.float64), axis=1).max())
    (costs,) = Words(words).costs(rows, longest_row)
    wide, wide_words = rows.astype(np.int64), words.astype(np.int64)
    expected = ((wide[:, None] - wide_words) ** 2).sum(axis=2) - (wide**2).sum(axis=1)[:, None]
    assert costs.dtype == dtype
    assert np.array_equal(costs, expected)


def test_costs_of_many_long_codewords_have_64_bits() -> None:
    """The sum of 40 codewords of 2¹² units can be so far from a row that the cost does not fit into 32."""
    books = np.full((40, 2, 4), 2**11, np.float32)
    books[:, 1] = 2**11 - 1
    codes = Search(books, 1.0).encode(np.full((3, 4), 40 * 2**11 - 40, np.float32) / 20, width=3)
    assert codes.tolist() == [[1] * 40] * 3
