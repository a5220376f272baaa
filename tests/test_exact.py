"""Sums, products and signs that do not depend on the order of adding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from embcomp import draws, exact, linear
from embcomp.threads import BLOCK_ROWS

RNG = np.random.default_rng

floats32 = st.floats(width=32, min_value=-(2.0**60), max_value=2.0**60)


def true_sum(values: np.ndarray) -> Fraction:
    return sum((Fraction(float(value)) for value in values), Fraction(0))


def test_blocks_of_rows_are_small_enough() -> None:
    """For sums of rows of whole numbers, in float32 and float64."""
    assert BLOCK_ROWS <= 2**11


# The grid


@pytest.mark.parametrize(
    ("largest", "bits", "unit"),
    [(1.0, 1, 1.0), (0.999, 1, 0.5), (7, 3, 1.0), (8, 3, 2.0), (2.0**-149, 20, 2.0**-168), (0, 20, 2.0**-20)],
)
def test_numbers_up_to_the_largest_have_that_many_bits(largest: float, bits: int, unit: float) -> None:
    assert exact.unit_below(largest, bits) == unit
    assert largest / unit < 2**bits


def test_on_grid_rounds_to_the_nearest_and_halves_to_even() -> None:
    values = np.array([0.24, 0.26, 0.25, 0.75, -0.25, -0.3, 5, 0], np.float32)
    assert exact.on_grid(values, 0.5).tolist() == [0, 0.5, 0, 1, 0, -0.5, 5, 0]
    assert values[0] == np.float32(0.24), "input is left alone"


@pytest.mark.parametrize(("values", "largest"), [([], 0), ([-3, 2], 3), ([2, 7], 7), ([-1.5], 1.5)])
def test_largest_magnitude(values: list[float], largest: float) -> None:
    assert exact.largest_magnitude(np.array(values, np.float32)) == largest


# Sums


@given(arrays(np.float32, st.integers(0, 20), elements=floats32), st.randoms(use_true_random=False))
def test_a_total_is_the_same_in_any_order_and_near_the_sum(values: np.ndarray, random) -> None:
    found = exact.total(values)
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert exact.total(shuffled) == found
    assert exact.total(values[:, None], axis=0).tolist() == [found]
    largest = Fraction(exact.largest_magnitude(values))
    assert abs(Fraction(float(found)) - true_sum(values)) <= len(values) ** 2 * largest * Fraction(1, 2**50)


def test_what_a_plain_sum_rounds_away() -> None:
    """One and many small numbers: added one by one to it, or together first, they differ."""
    values = np.array([1.0] + [2.0**-53] * 1024)
    one_by_one = np.add.accumulate(values)[-1]
    assert one_by_one != np.add.accumulate(values[::-1])[-1]
    assert exact.total(values) == exact.total(values[::-1])


def test_gram_by_hand() -> None:
    rows = np.array([[1, 2], [3, -4]], np.float32)
    assert exact.gram(rows).tolist() == [[10, -10], [-10, 20]]


@pytest.mark.parametrize("scale", [1.0, 1e-40, 1e14])
def test_gram_does_not_depend_on_the_order_of_rows(scale: float) -> None:
    rows = (RNG(0).standard_normal((2048, 7)) * scale).astype(np.float32)
    found = exact.gram(rows)
    for seed in range(5):
        order = RNG(seed).permutation(len(rows))
        assert exact.gram(rows[order]).tobytes() == found.tobytes()
    wide = rows.astype(np.float64)
    np.testing.assert_allclose(found, wide.T @ wide, rtol=1e-4, atol=1e-3 * scale**2)


# Signs


def signs_of(rows: np.ndarray, matrix: np.ndarray) -> list[list[bool]]:
    """By fractions."""
    return [
        [
            sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(row, column, strict=True)) > 0
            for column in matrix.T
        ]
        for row in rows
    ]


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=4), elements=floats32),
    st.integers(1, 2),
    st.data(),
)
def test_above_zero_is_what_fractions_say(rows: np.ndarray, k: int, data: st.DataObject) -> None:
    matrix = data.draw(arrays(np.float32, (rows.shape[1], k), elements=floats32))
    assert exact.above_zero(rows, matrix).tolist() == signs_of(rows, matrix)


@pytest.mark.parametrize("tail", [2.0**-40, -(2.0**-40), 2.0**-149, -(2.0**-149), 0.0])
def test_what_is_left_after_large_numbers_cancel_decides(tail: float) -> None:
    rows = np.array([[3, -1, 1, tail]], np.float32)
    matrix = np.array([[1], [2], [-1], [1]], np.float32)  # 3 − 2 − 1 + tail
    assert exact.above_zero(rows, matrix).tolist() == [[tail > 0]]


def test_many_values_near_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns orthogonal to all rows but for a last digit, decided in several portions."""
    monkeypatch.setattr(exact, "UNDECIDED_AT_ONCE", 7)
    half = RNG(0).integers(-9, 9, (60, 4)).astype(np.float32)
    last = RNG(1).choice([-1e-9, 0, 1e-9], (60, 1)).astype(np.float32)
    rows = np.concatenate([half, half, last], axis=1)
    matrix = np.array([[1, 1, 1, 1, -1, -1, -1, -1, 1]], np.float32).T
    assert exact.above_zero(rows, matrix)[:, 0].tolist() == (rows[:, -1] > 0).tolist()


def test_no_rows_and_rows_of_zeros() -> None:
    matrix = np.ones((3, 2), np.float32)
    assert exact.above_zero(np.zeros((0, 3), np.float32), matrix).shape == (0, 2)
    assert not exact.above_zero(np.zeros((4, 3), np.float32), matrix).any()


def test_rows_without_directions_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((40, 7)) * 10.0 ** rng.integers(-9, 9, (40, 1))).astype(np.float32)
    basis = linear.random_orthogonal(2, 7, draws.generator(0))
    whole, units = exact.without(rows, basis.astype(np.float32))
    expected = rows - (rows.astype(np.float64) @ basis.T) @ basis
    error = np.abs(whole * units[:, None] - expected).max(axis=1)
    assert (error <= 1e-6 * np.abs(rows).max(axis=1)).all()
    assert np.array_equal(whole, np.rint(whole))


def test_products_do_not_depend_on_the_order_of_adding() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((9, 300)).astype(np.float32), rng.standard_normal((300, 4)).astype(np.float32)
    order = rng.permutation(300)
    found = exact.product(a, b)
    assert np.array_equal(found, exact.product(a[:, order].copy(), b[order].copy()))
    np.testing.assert_allclose(found, a.astype(np.float64) @ b, rtol=1e-5, atol=1e-4)
    assert exact.product(a[None], b).shape == (1, 9, 4)


def test_energy_does_not_depend_on_the_order_of_adding() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 9)).astype(np.float32)
    assert exact.energy(rows) == exact.energy(rows[::-1, ::-1].copy())
    assert exact.energy(rows) == pytest.approx(np.square(rows.astype(np.float64)).sum(), rel=1e-12)
    assert exact.energy(rows[:0]) == 0
