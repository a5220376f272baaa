"""Linear algebra that compressors share: hand-computed, or against the slow and obvious."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.linear import (
    covariance,
    isotropy,
    isotropy_estimate,
    principal_directions,
    procrustes,
    random_orthogonal,
)

RNG = np.random.default_rng


def normal(seed: int, *shape: int) -> np.ndarray:
    return RNG(seed).standard_normal(shape).astype(np.float32)


# Covariance and directions


def test_covariance_by_hand() -> None:
    vectors = np.array([[1, 2], [3, 2], [5, 8]], np.float32)
    # centred: (-2, -2), (0, -2), (2, 4)
    assert covariance(vectors, np.array([3, 4], np.float32)).tolist() == [[8, 12], [12, 24]]


def test_covariance_over_several_blocks() -> None:
    vectors, mean = normal(0, 5000, 6), normal(1, 6)
    centred = vectors.astype(np.float64) - mean
    np.testing.assert_allclose(covariance(vectors, mean), centred.T @ centred, rtol=1e-4, atol=1e-2)
    assert covariance(vectors[:0], mean).tolist() == [[0.0] * 6] * 6


def test_principal_directions_by_hand() -> None:
    values, directions = principal_directions(np.array([[4.0, 0.0], [0.0, 9.0]]))
    np.testing.assert_allclose(values, [3, 2], atol=1e-12)
    np.testing.assert_allclose(directions, [[0, 1], [1, 0]], atol=1e-12)


def test_principal_directions_are_those_of_the_svd() -> None:
    vectors = normal(0, 50, 5).astype(np.float64)
    values, directions = principal_directions(vectors.T @ vectors)
    _, expected, right = np.linalg.svd(vectors)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    np.testing.assert_allclose(np.abs((directions * right.T).sum(axis=0)), 1, rtol=1e-9)
    largest = np.abs(directions).argmax(axis=0)
    assert (directions[largest, range(5)] > 0).all()


def test_a_value_that_rounding_made_negative_counts_as_zero() -> None:
    values, _ = principal_directions(np.array([[1.0, 0.0], [0.0, -1e-12]]))
    assert values.tolist() == [pytest.approx(1), 0]


# Rotations


@pytest.mark.parametrize(("n_rows", "n_columns"), [(4, 4), (2, 5), (5, 2), (1, 1)])
def test_random_orthogonal_has_orthonormal_rows_or_columns(n_rows: int, n_columns: int) -> None:
    matrix = random_orthogonal(n_rows, n_columns, RNG(0))
    assert matrix.shape == (n_rows, n_columns)
    product = matrix @ matrix.T if n_rows <= n_columns else matrix.T @ matrix
    np.testing.assert_allclose(product, np.eye(min(n_rows, n_columns)), atol=1e-12)


def test_random_orthogonal_is_uniform() -> None:
    """Every entry has mean 0 (not so without the fix of signs) and mean square 1/d."""
    matrices = np.array([random_orthogonal(3, 3, RNG(seed)) for seed in range(2000)])
    np.testing.assert_allclose(matrices.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose((matrices**2).mean(axis=0), 1 / 3, atol=0.03)


def test_procrustes_by_hand() -> None:
    np.testing.assert_allclose(procrustes(np.array([[0.0, -2.0], [3.0, 0.0]])), [[0, -1], [1, 0]], atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_procrustes_maximises_the_trace(shape: tuple[int, int]) -> None:
    cross = normal(3, *shape).astype(np.float64)
    best = float((procrustes(cross) * cross).sum())
    assert best == pytest.approx(np.linalg.svd(cross, compute_uv=False).sum())
    for seed in range(200):
        assert (random_orthogonal(*shape, RNG(seed)) * cross).sum() <= best + 1e-9


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
    assert isotropy_estimate(vectors) == pytest.approx((2.5 - 5**0.5) / (4 + 5**0.5))


def test_isotropy_of_no_rows() -> None:
    assert isotropy(np.zeros((0, 3), np.float32)) == 1
    assert isotropy_estimate(np.zeros((0, 3), np.float32)) == 1
