"""The rotation of ITQ and IIQ, and the rows it is fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.compressors import rotation as rotation_module
from embcomp.compressors.itq import ItqCompressor
from embcomp.compressors.rotation import ComputedProjection, HeldProjection, fit_rotation, project, to_signs
from embcomp.linear import random_orthogonal
from embcomp.threads import set_threads

RNG = np.random.default_rng


def normal(seed: int, *shape: int) -> np.ndarray:
    return RNG(seed).standard_normal(shape).astype(np.float32)


# Projected rows


def test_to_signs() -> None:
    values = np.array([[2.5, -3, 0, -0.0], [-1e-30, 7, -2, 1]], np.float32)
    to_signs(values, np.array([[2], [0.5]], np.float32))
    assert values.tolist() == [[2, -2, 2, -2], [-0.5, 0.5, -0.5, 0.5]]
    to_signs(values, np.float32(1))
    assert values.tolist() == [[1, -1, 1, -1], [-1, 1, -1, 1]]


@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize(("n_rows", "k", "n_bits"), [(7, 3, 3), (5000, 6, 6), (5000, 4, 9), (0, 6, 6)])
@pytest.mark.parametrize("kind", [HeldProjection, ComputedProjection])
def test_products_with_projected_rows(kind: type, n_rows: int, k: int, n_bits: int, unit_rows: bool) -> None:
    rows, mean, rotation = normal(0, n_rows, 6), normal(1, 6), random_orthogonal(k, n_bits, RNG(2))
    basis = random_orthogonal(6, k, RNG(3)).astype(np.float32)
    basis[:, -1] = 0  # as a removed direction is
    expected = (rows - mean).astype(np.float64) @ basis
    if unit_rows:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    if kind is HeldProjection:
        projected = project(rows, mean, basis, unit_rows=unit_rows)
        assert isinstance(projected, HeldProjection)
    else:
        projected = ComputedProjection(rows, mean, basis, unit_rows=unit_rows)
    assert projected.shape == (n_rows, k)
    np.testing.assert_allclose(projected.gram(), expected.T @ expected, rtol=1e-4, atol=1e-2)
    cross = expected.T @ np.sign(expected @ rotation)
    np.testing.assert_allclose(projected.signs_cross(rotation), cross, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("kind", [HeldProjection, ComputedProjection])
def test_rows_at_the_mean_add_nothing(kind: type) -> None:
    mean, basis = np.array([1, 2], np.float32), np.eye(2, dtype=np.float32)
    rows = np.array([[1, 2], [4, 6]], np.float32)  # the second is (3, 4) from the mean: (0.6, 0.8)
    make = project if kind is HeldProjection else ComputedProjection
    projected = make(rows, mean, basis, unit_rows=True)
    np.testing.assert_allclose(projected.gram(), [[0.36, 0.48], [0.48, 0.64]], rtol=1e-6)
    np.testing.assert_allclose(projected.signs_cross(np.eye(2)), [[0.6, 0.6], [0.8, 0.8]], rtol=1e-6)


@pytest.mark.parametrize(
    ("n_rows", "dim", "k", "held"),
    [(100, 8, 8, True), (101, 8, 8, False), (101, 8, 5, True), (200, 8, 5, False), (10**4, 8, 4, True)],
)
def test_projected_rows_are_held_where_they_are_small(
    n_rows: int, dim: int, k: int, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation_module, "HELD_BYTES", 3200)
    rows, mean = np.ones((n_rows, dim), np.float32), np.zeros(dim, np.float32)
    projected = project(rows, mean, np.eye(dim, k, dtype=np.float32))
    assert isinstance(projected, HeldProjection if held else ComputedProjection)


def test_both_ways_fit_alike_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = normal(0, 9000, 12) * np.linspace(3, 0.5, 12, dtype=np.float32)
    held = ItqCompressor(fit_rows="all", iterations=8, tolerance=0.0).fit(vectors)
    monkeypatch.setattr(rotation_module, "HELD_BYTES", 0)
    computed = []
    for n_threads in (1, 3):
        set_threads(n_threads)
        try:
            computed.append(ItqCompressor(fit_rows="all", iterations=8, tolerance=0.0).fit(vectors))
        finally:
            set_threads(None)
    assert np.array_equal(computed[0].rotation_, computed[1].rotation_)
    np.testing.assert_allclose(computed[0].report["losses"], held.report["losses"], atol=1e-4)
    differing = np.unpackbits(computed[0].encode(vectors) ^ held.encode(vectors)).mean()
    assert differing < 0.01


# Fitting


def loss(projected: np.ndarray, rotation: np.ndarray) -> float:
    """‖B − s V R‖² / (n · n_bits), written out."""
    n_rows, n_bits = len(projected), rotation.shape[1]
    scale = np.sqrt(n_rows * n_bits / (projected.astype(np.float64) ** 2).sum())
    rotated = projected @ rotation
    return float(((np.where(rotated > 0, 1, -1) - scale * rotated) ** 2).sum() / (n_rows * n_bits))


@pytest.mark.parametrize("n_bits", [3, 5, 9])
def test_fit_rotation_never_loses_ground(n_bits: int) -> None:
    projected = normal(0, 300, min(n_bits, 5))
    rotation, losses = fit_rotation(HeldProjection(projected), n_bits, 40, 0.0, RNG(1))
    assert len(losses) > 5
    assert (np.diff(losses) <= 1e-7).all()
    assert losses[-1] < 0.98 * losses[0]
    assert 0 <= losses.min() <= losses.max() <= 2
    k = projected.shape[1]
    product = rotation @ rotation.T if k <= n_bits else rotation.T @ rotation
    np.testing.assert_allclose(product, np.eye(min(k, n_bits)), atol=1e-9)


def test_the_losses_are_those_of_the_definition() -> None:
    projected = normal(0, 200, 4)
    start = random_orthogonal(4, 4, RNG(1))
    _, losses = fit_rotation(HeldProjection(projected), 4, 1, 0.0, RNG(1))
    assert losses.tolist() == [pytest.approx(loss(projected, start), abs=1e-6)]
    rotation, _ = fit_rotation(HeldProjection(projected), 4, 6, 0.0, RNG(1))
    _, losses = fit_rotation(HeldProjection(projected), 4, 7, 0.0, RNG(1))
    assert losses[-1] == pytest.approx(loss(projected, rotation), abs=1e-6)


def test_no_rounds_leave_the_random_start() -> None:
    rotation, losses = fit_rotation(HeldProjection(normal(0, 20, 4)), 4, 0, 0.0, RNG(5))
    assert rotation.tolist() == random_orthogonal(4, 4, RNG(5)).tolist()
    assert len(losses) == 0


def test_a_tolerance_stops_early() -> None:
    projected = normal(0, 300, 5)
    _, every = fit_rotation(HeldProjection(projected), 5, 50, 0.0, RNG(1))
    _, some = fit_rotation(HeldProjection(projected), 5, 50, 0.01, RNG(1))
    assert 1 < len(some) < len(every)
    gains = -np.diff(some) / some[:-1]
    assert gains[-1] < 0.01
    assert (gains[:-1] >= 0.01).all()


def test_rows_of_zeros_have_nothing_to_learn_from() -> None:
    rotation, losses = fit_rotation(HeldProjection(np.zeros((5, 3), np.float32)), 3, 10, 0.0, RNG(0))
    assert len(losses) == 0
    assert np.isfinite(rotation).all()


def test_a_rotated_hypercube_is_found() -> None:
    """Corners of a cube, turned at random: some start must turn them back exactly."""
    corners = RNG(0).choice([-1.0, 1.0], (400, 4))
    turn = random_orthogonal(4, 4, RNG(1))
    projected = (corners @ turn).astype(np.float32)
    best = min(
        (fit_rotation(HeldProjection(projected), 4, 50, 0.0, RNG(seed)) for seed in range(8)),
        key=lambda fit: fit[1][-1],
    )
    assert best[1][-1] < 1e-6
    np.testing.assert_allclose(np.abs(projected @ best[0]), 1, atol=1e-5)


def test_progress_tells_each_round() -> None:
    calls: list[tuple[str, int, int]] = []
    fit_rotation(HeldProjection(normal(0, 300, 5)), 5, 3, 0.0, RNG(1), lambda *call: calls.append(call))
    assert calls == [("rotation", 0, 3), ("rotation", 1, 3), ("rotation", 2, 3), ("rotation", 3, 3)]
