"""The network behind ALONE: gradients against finite differences, slices against the whole, Adam's effect."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp import threads
from embcomp.compressors import feed_forward
from embcomp.compressors.feed_forward import Network, Trainer, initial_network, slices


def problem(n_units: int = 9, n_rows: int = 5) -> tuple[Network, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    network = Network(
        rng.standard_normal(6).astype(np.float32),
        rng.standard_normal((n_units, 6)).astype(np.float32),
        rng.standard_normal((n_units, 4)).astype(np.float32),
    )
    filters = rng.standard_normal((n_rows, 6)).astype(np.float32)
    return network, filters, rng.standard_normal((n_rows, 4)).astype(np.float32)


def plain_loss(base: np.ndarray, inner: np.ndarray, outer: np.ndarray, filters: np.ndarray, e: np.ndarray) -> float:
    """Eq. (4) over one batch, in float64, one word at a time."""
    total = 0.0
    for m, target in zip(filters, e, strict=True):
        hidden = np.maximum(0, inner @ (m * base))
        total += float(((target - outer.T @ hidden) ** 2).sum())
    return total / len(filters)


def in_float64(network: Network) -> list[np.ndarray]:
    return [array.astype(np.float64) for array in (network.base, network.inner, network.outer)]


def test_output_by_hand() -> None:
    network = Network(
        np.array([2, 1], np.float32),
        np.array([[1, 0], [0, -1], [1, 1]], np.float32),
        np.array([[1], [10], [100]], np.float32),
    )
    # x = (2, 3): hidden (2, max(0, −3), 5); x = (2, −3): hidden (2, 3, max(0, −1))
    assert network(np.array([[1, 3], [1, -3]], np.float32)).tolist() == [[502], [32]]


def step_and_gradient(network: Network, filters: np.ndarray, targets: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """The loss of a batch and its gradient: Adam's first step with a large ε is plain gradient descent."""
    trainer = Trainer(network, len(filters))
    for adam in (trainer._base_adam, *(part._adam for parts, _ in trainer._shares for part in parts)):
        assert adam is not None
        adam.eps = EPSILON
    before = in_float64(network)
    loss = trainer.step(filters, targets, RATE)
    return loss, [(old - new) * EPSILON / RATE for old, new in zip(before, in_float64(network), strict=True)]


EPSILON, RATE = 1e8, 1e5  # a step of 1/1000 of the gradient


def test_loss_is_that_of_the_plain_version() -> None:
    network, filters, targets = problem()
    expected = plain_loss(*in_float64(network), filters, targets)
    assert step_and_gradient(network, filters, targets)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("part", [0, 1, 2], ids=["base", "inner", "outer"])
@pytest.mark.parametrize("n_units", [9, 200], ids=["one slice", "four slices"])
def test_gradients_are_those_of_finite_differences(part: int, n_units: int) -> None:
    network, filters, targets = problem(n_units)
    arrays = in_float64(network)
    got = step_and_gradient(network, filters, targets)[1][part]
    expected = np.empty_like(arrays[part])
    for place in np.ndindex(expected.shape):
        losses = []
        for step in (1e-6, -1e-6):
            moved = [array.copy() for array in arrays]
            moved[part][place] += step
            losses.append(plain_loss(*moved, filters, targets))
        expected[place] = (losses[0] - losses[1]) / 2e-6
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_slices_cover_every_unit_once() -> None:
    for n_units in (1, 2, 127, 128, 600, 601, 2400, 2401, 21_337):
        covered = [unit for part in slices(n_units) for unit in range(part.start, part.stop)]
        assert covered == list(range(n_units))
        assert max(part.stop - part.start for part in slices(n_units)) <= feed_forward.SLICE_UNITS + 1
    assert len(slices(2400)) == 4


def trained(n_threads: int, **options: bool) -> Network:
    rng = np.random.default_rng(0)
    network = initial_network(130, 6, 4, rng)
    filters = rng.standard_normal((40, 6)).astype(np.float32)
    targets = rng.standard_normal((40, 4)).astype(np.float32)
    threads.set_threads(n_threads)
    try:
        trainer = Trainer(network, 16, **options)
        assert len(trainer._shares) == {1: 1, 2: 2, 3: 2, 7: 4}[n_threads]  # of four slices
        with threads.single_threaded_blas():
            for _ in range(20):
                for start in (0, 16, 32):  # the last batch is shorter
                    trainer.step(filters[start : start + 16], targets[start : start + 16], 1e-2)
    finally:
        threads.set_threads(None)
    return network


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_threads_change_no_bit(n_threads: int) -> None:
    one, other = trained(1), trained(n_threads)
    for name in ("base", "inner", "outer"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_the_base_moves_unless_it_is_fixed() -> None:
    assert (trained(1, fix_base=True).base == 1).all()
    assert (trained(1).base != 1).any()


def test_a_centred_step_keeps_the_sum_of_the_rows() -> None:
    """To first order: steps so small that Adam, started with a large ε, is plain gradient descent."""
    network, filters, targets = problem()
    network.base[:] = 1
    trainer = Trainer(network, 5, centred=True, fix_base=True)
    (((part,), _),) = trainer._shares
    part._adam.eps = 1e6
    before = network.inner.astype(np.float64)
    trainer.step(filters, targets, 1e3)
    moved = network.inner - before
    assert np.abs(moved).max() > 1e-3
    assert np.abs(moved.sum(axis=1)).max() < 1e-2 * np.abs(moved).max()


def test_one_step_is_adams() -> None:
    """Adam's first step moves every number by the learning rate against its gradient's sign."""
    network, filters, targets = problem()
    before = in_float64(network)
    _, gradient = step_and_gradient(Network(*(array.copy() for array in vars(network).values())), filters, targets)
    Trainer(network, 5).step(filters, targets, 1e-3)
    for old, new, slope in zip(before, in_float64(network), gradient, strict=True):
        np.testing.assert_allclose(new, old - 1e-3 * np.sign(slope), atol=1e-6)


def test_an_untrained_network_gives_zeros_and_centred_rows_sum_to_zero() -> None:
    network = initial_network(50, 10, 3, np.random.default_rng(0), centred=True)
    assert (network(np.ones((2, 10), np.float32)) == 0).all()
    assert np.abs(network.inner.sum(axis=1)).max() < 1e-6
    assert np.abs(network.inner).min() > 0
