"""Linear algebra that compressors share: hand-computed, or against the slow and obvious."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from embcomp import linear
from embcomp.exact import on_grid
from embcomp.linear import (
    covariance,
    isotropies,
    isotropy,
    leading_directions,
    polar,
    principal_directions,
    random_orthogonal,
)
from embcomp.threads import set_threads

RNG = np.random.default_rng


def normal(seed: int, *shape: int) -> np.ndarray:
    return RNG(seed).standard_normal(shape).astype(np.float32)


# Covariance


def test_covariance_by_hand() -> None:
    vectors = np.array([[1, 2], [3, 2], [5, 8]], np.float32)
    # centred: (-2, -2), (0, -2), (2, 4)
    assert covariance(vectors, np.array([3, 4], np.float32)).tolist() == [[8, 12], [12, 24]]


def test_covariance_over_several_blocks() -> None:
    vectors, mean = normal(0, 5000, 6), normal(1, 6)
    centred = vectors.astype(np.float64) - mean
    np.testing.assert_allclose(covariance(vectors, mean), centred.T @ centred, rtol=1e-4, atol=1e-2)
    assert covariance(vectors[:0], mean).tolist() == [[0.0] * 6] * 6


def same_in_any_order(function: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray) -> bool:
    """Whether permuting columns or rows, which permutes every sum, permutes the result and changes no digit."""
    order = RNG(1).permutation(len(matrix))
    return np.array_equal(function(matrix[order]), function(matrix)[order])


# Polar factors


def test_polar_by_hand() -> None:
    np.testing.assert_allclose(polar(np.array([[0.0, -2.0], [3.0, 0.0]])), [[0, -1], [1, 0]], atol=2**-24)
    np.testing.assert_allclose(polar(np.array([[3.0], [4.0]])), [[0.6], [0.8]], atol=2**-24)
    np.testing.assert_allclose(polar(np.array([[2.0, 0.0], [0.0, -1e-4]])), [[1, 0], [0, -1]], atol=2**-24)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 6), (6, 3), (40, 40)])
def test_polar_is_that_of_the_svd(shape: tuple[int, int]) -> None:
    matrix = normal(3, *shape).astype(np.float64)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    found = polar(matrix)
    np.testing.assert_allclose(found, left @ right, atol=1e-5)
    small = found if shape[0] >= shape[1] else found.T
    np.testing.assert_allclose(small.T @ small, np.eye(min(shape)), atol=1e-6)
    assert np.array_equal(found * 2**25, np.rint(found * 2**25)), "on the grid"
    assert same_in_any_order(polar, matrix)


def test_polar_maximises_the_trace() -> None:
    cross = normal(3, 3, 6).astype(np.float64)
    best = float((polar(cross) * cross).sum())
    assert best == pytest.approx(np.linalg.svd(cross, compute_uv=False).sum())
    for seed in range(200):
        assert (random_orthogonal(3, 6, RNG(seed)) * cross).sum() <= best + 1e-5


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), np.ones((4, 4)), np.diag([1.0, 1e-12, 0]), np.ones((2, 5)), np.full((3, 1), 1e-200)]
)
def test_polar_without_full_rank_is_orthonormal_all_the_same(matrix: np.ndarray) -> None:
    found = polar(matrix) if matrix.shape[0] >= matrix.shape[1] else polar(matrix).T
    np.testing.assert_allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-6)


# Principal directions


def test_leading_directions_span_what_principal_directions_do() -> None:
    turn = random_orthogonal(60, 60, np.random.default_rng(0))
    squares = np.concatenate([[900, 400, 400, 100], np.linspace(1, 2, 56)])
    matrix = (turn * squares) @ turn.T
    values, directions = leading_directions(matrix, 4)
    expected, all_directions = principal_directions(matrix)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    np.testing.assert_allclose(directions.T @ directions, np.eye(4), atol=1e-6)
    spanned = all_directions[:, :4].T @ directions
    np.testing.assert_allclose(np.linalg.svd(spanned)[1], np.ones(4), atol=1e-6)
    np.testing.assert_allclose(np.abs(np.diag(spanned)[[0, 3]]), np.ones(2), atol=1e-6)
    values, none = leading_directions(matrix, 0)
    assert none.shape == (60, 0)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert leading_directions(np.zeros((3, 3)), 1)[0].tolist() == [0, 0, 0]


def test_principal_directions_by_hand() -> None:
    values, directions = principal_directions(np.array([[4.0, 0.0], [0.0, 9.0]]))
    np.testing.assert_allclose(values, [3, 2], atol=1e-6)
    np.testing.assert_allclose(directions, [[0, 1], [1, 0]], atol=1e-6)
    values, directions = principal_directions(np.array([[2.0, 1.0], [1.0, 2.0]]))
    np.testing.assert_allclose(values, [3**0.5, 1], atol=1e-6)
    np.testing.assert_allclose(np.abs(directions), 0.5**0.5, atol=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 17, 60])
def test_principal_directions_are_those_of_the_svd(dim: int) -> None:
    vectors = normal(0, 200, dim).astype(np.float64) * np.linspace(4, 1, dim)
    values, directions = principal_directions(vectors.T @ vectors)
    _, expected, right = np.linalg.svd(vectors)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(np.abs((directions * right.T).sum(axis=0)), 1, rtol=1e-5)
    largest = np.abs(directions).argmax(axis=0)
    assert (directions[largest, range(dim)] > 0).all()


@pytest.mark.parametrize(
    "squares",
    [[5, 5, 5, 3, 3, 1], [7, 7], [1, 0, 0, 0, 0], [0, 0, 0], [9, 1, 1, 1, 1, 1, 1], [3, 2, 1], [1e-30, 2e-30]],
)
def test_equal_values_leave_orthonormal_directions(squares: list[float]) -> None:
    """Where the mean of some values is a value, too."""
    turn = random_orthogonal(len(squares), len(squares), RNG(5))
    values, directions = principal_directions((turn * np.array(squares, dtype=np.float64)) @ turn.T)
    np.testing.assert_allclose(values**2, sorted(squares, reverse=True), atol=1e-6 * max(squares))
    np.testing.assert_allclose(directions.T @ directions, np.eye(len(squares)), atol=1e-6)
    again = (directions * values**2) @ directions.T
    np.testing.assert_allclose(again, (turn * np.array(squares)) @ turn.T, atol=1e-5 * max(squares))


def test_fewer_rows_than_dimensions() -> None:
    vectors = normal(0, 7, 30).astype(np.float64)
    values, directions = principal_directions(vectors.T @ vectors)
    np.testing.assert_allclose(values[:7], np.linalg.svd(vectors, compute_uv=False), rtol=1e-4)
    assert values[7:].max() < 1e-2 * values[0]
    np.testing.assert_allclose(vectors @ directions[:, 7:], 0, atol=1e-3)


def test_a_covariance_rounded_otherwise_has_the_same_directions() -> None:
    """Numbers of a covariance that come from sums in another order differ in their last digit."""
    vectors = normal(0, 300, 20).astype(np.float64) * np.linspace(4, 1, 20)
    exact = vectors.T @ vectors
    _, directions = principal_directions(exact)
    nearly = exact * (1 + 2.0**-50 * RNG(1).choice([-1, 0, 1], exact.shape))
    assert np.array_equal(principal_directions(nearly)[1], directions)


# Random matrices


@pytest.mark.parametrize(("n_rows", "n_columns"), [(4, 4), (2, 5), (5, 2), (1, 1)])
def test_random_orthogonal_has_orthonormal_rows_or_columns(n_rows: int, n_columns: int) -> None:
    matrix = random_orthogonal(n_rows, n_columns, RNG(0))
    assert matrix.shape == (n_rows, n_columns)
    product = matrix @ matrix.T if n_rows <= n_columns else matrix.T @ matrix
    np.testing.assert_allclose(product, np.eye(min(n_rows, n_columns)), atol=1e-6)


def test_random_orthogonal_is_uniform() -> None:
    """Every entry has mean 0 and mean square 1/d."""
    matrices = np.array([random_orthogonal(3, 3, RNG(seed)) for seed in range(1000)])
    np.testing.assert_allclose(matrices.mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose((matrices**2).mean(axis=0), 1 / 3, atol=0.04)


# Isotropy


def test_isotropy_of_a_symmetric_cross_is_one() -> None:
    cross = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    assert isotropy(cross) == pytest.approx(1)


def test_isotropy_of_a_single_row_by_hand() -> None:
    """Directions are the row's own and its normal: Z is e, 1, 1/e and 1."""
    assert isotropy(np.array([[1, 0]], np.float32)) == pytest.approx(np.exp(-2))


def test_isotropy_does_not_overflow() -> None:
    assert isotropy(np.array([[2000, 0], [0, 1]], np.float32)) == pytest.approx(0, abs=1e-300)


def test_isotropy_falls_with_distance_from_the_origin() -> None:
    centred = normal(0, 500, 4)
    values = [isotropy(centred + np.float32(shift)) for shift in (0.0, 0.2, 0.5)]
    assert values[0] > 0.7
    assert values == sorted(values, reverse=True)


def test_isotropy_estimate_by_hand() -> None:
    """Rows (2, 0), (0, 1): sum (2, 1), singular values 2 and 1: (2 − √5 + 1/2) / (2 + √5 + 2)."""
    vectors = np.array([[2, 0], [0, 1]], np.float32)
    assert isotropies(vectors)[1] == pytest.approx((2.5 - 5**0.5) / (4 + 5**0.5))


def test_isotropy_of_no_rows() -> None:
    assert isotropies(np.zeros((0, 3), np.float32)) == (1, 1)


def test_large_products_are_shared_by_threads_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    matrix = on_grid(rng.normal(size=(90, 50)) / 30, 2.0**-25)
    symmetric = matrix.T @ matrix
    whole = on_grid(symmetric, 2.0**-25)
    alone = (symmetric, matrix @ whole, *principal_directions(symmetric))
    monkeypatch.setattr(linear, "WIDE", 16)
    monkeypatch.setattr(linear, "PRODUCT_ROWS", 16)
    set_threads(3)
    try:
        shared = (linear.squared(matrix), linear.times(matrix, whole), *principal_directions(symmetric))
    finally:
        set_threads(None)
    for one, other in zip(alone, shared, strict=True):
        assert np.array_equal(one, other)
