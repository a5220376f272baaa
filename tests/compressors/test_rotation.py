"""The rotation of ITQ and IIQ, and the rows it is fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.compressors import rotation as rotation_module
from embcomp.compressors.rotation import Directions, fit_rotation
from embcomp.exact import whole_rows
from embcomp.kernels.cross import to_signs
from embcomp.linear import random_orthogonal
from embcomp.threads import set_threads

RNG = np.random.default_rng


def normal(seed: int, *shape: int) -> np.ndarray:
    return RNG(seed).standard_normal(shape).astype(np.float32)


def directions_of(rows: np.ndarray, *, unit_rows: bool = False) -> Directions:
    """Rows as they are."""
    dim = rows.shape[1]
    zeros = np.zeros(dim, np.float32)
    return Directions.of(rows.astype(np.float32), zeros, np.zeros((0, dim), np.float32), None, unit_rows=unit_rows)


# Rows of whole numbers


def test_to_signs() -> None:
    values = np.array([[2, -3, 0, -0.0], [-1, 7, -2, 2**23]], np.float32)
    to_signs(values)
    assert values.tolist() == [[1, -1, 1, 1], [-1, 1, -1, 1]]


def test_whole_rows_keep_their_direction() -> None:
    rows = np.array([[1, -2, 0.5], [1e-30, 0, 3e-30], [0, 0, 0], [2.0**-149, 0, 0]], np.float32)
    whole, units = whole_rows(rows)
    assert np.array_equal(whole, np.rint(whole))
    assert (np.square(whole).sum(axis=1) < 2**53).all()
    np.testing.assert_allclose(whole * units[:, None], rows, rtol=1e-6)


@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize(("n_rows", "k", "n_bits"), [(7, 6, 6), (5000, 6, 6), (5000, 4, 4), (5000, 6, 9), (0, 6, 6)])
@pytest.mark.parametrize("held_bytes", [0, 2**26])
def test_products_with_rows(
    n_rows: int, k: int, n_bits: int, unit_rows: bool, held_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Centred, without a direction, along others: as float32 and as int16."""
    monkeypatch.setattr(rotation_module, "HELD_BYTES", held_bytes)
    rows, mean, rotation = normal(0, n_rows, 6) + 3, normal(1, 6) + 3, random_orthogonal(k, n_bits, RNG(2))
    turn = random_orthogonal(6, 6, RNG(3))
    removed, basis = turn[:, :1].T.astype(np.float32), turn[:, 1 : k + 1] if k < 6 else None
    expected = (rows - mean).astype(np.float64)
    expected -= expected @ removed.T.astype(np.float64) @ removed
    lengths = np.linalg.norm(expected, axis=1)
    expected = expected if basis is None else expected @ basis
    lengths = np.linalg.norm(expected, axis=1)
    found = Directions.of(rows, mean, removed, basis, unit_rows=unit_rows)
    assert found.units.dtype == (np.float32 if held_bytes else np.int16) or not n_rows
    np.testing.assert_allclose(found.lengths, lengths, rtol=1e-4)
    np.testing.assert_allclose(found.units / 2048, expected / lengths[:, None], atol=0.5 / 2047)
    scaled = expected * 2048 / lengths[:, None] if unit_rows else expected * 4096 / lengths.max(initial=1e-9)
    cross = scaled.T @ np.where(expected @ rotation > 0, 1, -1)
    np.testing.assert_allclose(found.signs_cross(rotation), cross, atol=1e-3 * max(1.0, np.abs(cross).max(initial=0)))
    assert found.energy() == pytest.approx(np.square(scaled).sum(), rel=1e-3)
    magnitudes = np.abs(expected @ rotation)
    assert found.mean_magnitude(rotation) == pytest.approx(magnitudes.mean() if n_rows else 0, rel=1e-3)


def test_products_are_whole_numbers_that_float32_holds() -> None:
    """The largest there are: all rows alike, and along the axes."""
    rows = np.zeros((2048, 3), np.float32)
    rows[:, 0] = 5
    for unit_rows, largest in ((True, 2**22), (False, 2**23)):
        cross = directions_of(rows, unit_rows=unit_rows).signs_cross(np.eye(3))
        assert cross.tolist() == [[largest] * 3, [0] * 3, [0] * 3]


def test_rows_at_the_mean_add_nothing() -> None:
    found = directions_of(np.array([[0, 0], [3, 4]], np.float32), unit_rows=True)
    assert found.units.tolist() == [[0, 0], [round(2048 * 0.6), round(2048 * 0.8)]]
    assert found.lengths.tolist() == [0, 5]
    assert found.signs_cross(np.eye(2)).tolist() == [[1229, 1229], [1638, 1638]]
    nothing = directions_of(np.zeros((3, 2), np.float32))
    assert (nothing.energy(), nothing.mean_magnitude(np.eye(2))) == (0, 0)


def test_fits_are_the_same_in_any_order_of_rows_and_on_any_number_of_threads() -> None:
    rows = normal(0, 9000, 12) * np.linspace(3, 0.5, 12, dtype=np.float32)
    found = []
    for n_threads, order in ((1, slice(None)), (3, slice(None)), (3, slice(None, None, -1))):
        set_threads(n_threads)
        try:
            found.append(fit_rotation(directions_of(rows[order], unit_rows=True), 12, 8, 0.0, RNG(1)))
        finally:
            set_threads(None)
    for rotation, losses in found[1:]:
        assert rotation.tobytes() == found[0][0].tobytes()
        assert losses.tobytes() == found[0][1].tobytes()


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
    rotation, losses = fit_rotation(directions_of(projected), n_bits, 40, 0.0, RNG(1))
    assert len(losses) > 5
    assert (np.diff(losses) <= 1e-6).all()
    assert losses[-1] < 0.99 * losses[0]
    assert 0 <= losses.min() <= losses.max() <= 2
    k = projected.shape[1]
    product = rotation @ rotation.T if k <= n_bits else rotation.T @ rotation
    np.testing.assert_allclose(product, np.eye(min(k, n_bits)), atol=1e-6)


def test_the_losses_are_those_of_the_definition() -> None:
    projected = normal(0, 200, 4)
    start = random_orthogonal(4, 4, RNG(1))
    _, losses = fit_rotation(directions_of(projected), 4, 1, 0.0, RNG(1))
    assert losses.tolist() == [pytest.approx(loss(projected, start), abs=1e-3)]
    rotation, _ = fit_rotation(directions_of(projected), 4, 6, 0.0, RNG(1))
    _, losses = fit_rotation(directions_of(projected), 4, 7, 0.0, RNG(1))
    assert losses[-1] == pytest.approx(loss(projected, rotation), abs=1e-3)


def test_no_rounds_leave_the_random_start() -> None:
    rotation, losses = fit_rotation(directions_of(normal(0, 20, 4)), 4, 0, 0.0, RNG(5))
    assert rotation.tolist() == random_orthogonal(4, 4, RNG(5)).tolist()
    assert len(losses) == 0


def test_a_tolerance_stops_early() -> None:
    projected = normal(0, 300, 5)
    _, every = fit_rotation(directions_of(projected), 5, 50, 0.0, RNG(1))
    _, some = fit_rotation(directions_of(projected), 5, 50, 0.01, RNG(1))
    assert 1 < len(some) < len(every)
    gains = -np.diff(some) / some[:-1]
    assert gains[-1] < 0.01
    assert (gains[:-1] >= 0.01).all()


def test_rows_of_zeros_have_nothing_to_learn_from() -> None:
    rotation, losses = fit_rotation(directions_of(np.zeros((5, 3), np.float32)), 3, 10, 0.0, RNG(0))
    assert len(losses) == 0
    assert np.isfinite(rotation).all()


def test_a_rotated_hypercube_is_found() -> None:
    """Corners of a cube, turned at random: some start must turn them back exactly."""
    corners = RNG(0).choice([-1.0, 1.0], (400, 4))
    turn = random_orthogonal(4, 4, RNG(1))
    projected = (corners @ turn).astype(np.float32)
    best = min(
        (fit_rotation(directions_of(projected), 4, 50, 0.0, RNG(seed)) for seed in range(8)),
        key=lambda fit: fit[1][-1],
    )
    assert best[1][-1] < 1e-3
    np.testing.assert_allclose(np.abs(projected @ best[0]), 1, atol=1e-2)


def test_progress_tells_each_round() -> None:
    calls: list[tuple[str, int, int]] = []
    fit_rotation(directions_of(normal(0, 300, 5)), 5, 3, 0.0, RNG(1), lambda *call: calls.append(call))
    assert calls == [("rotation", 0, 3), ("rotation", 1, 3), ("rotation", 2, 3), ("rotation", 3, 3)]


# Many columns


@pytest.mark.parametrize(("n_rows", "k"), [(300, 23), (300, 24), (5, 24), (0, 24)])
def test_rotations_in_blocks(n_rows: int, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orthogonal, better than a random one, and the same on any number of threads."""
    clusters = 3 * RNG(1).standard_normal((9, k))
    rows = directions_of(clusters[RNG(2).integers(0, 9, n_rows)] + normal(3, n_rows, k), unit_rows=True)
    monkeypatch.setattr(rotation_module, "WIDE", 16)
    monkeypatch.setattr(rotation_module, "BLOCK", 8)
    found, stages = [], []
    for n_threads in (1, 3):
        set_threads(n_threads)
        found.append(fit_rotation(rows, k, 20, 0.0, RNG(0), lambda *stage: stages.append(stage)))
    set_threads(None)
    assert stages == 2 * [("rotation", done, 3) for done in range(4)]
    (rotation, losses), (again, _) = found
    assert rotation.tobytes() == again.tobytes()
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(k), atol=1e-6)
    assert np.count_nonzero(rotation) > 0.9 * k * k
    assert (0 < len(losses) <= 20) == (n_rows > 0)
    if n_rows > k:
        random = random_orthogonal(k, k, RNG(0))
        assert rows.mean_magnitude(rotation) > 1.02 * rows.mean_magnitude(random)
        assert losses[-1] < losses[0]
