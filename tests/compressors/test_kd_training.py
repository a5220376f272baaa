"""Gradients against finite differences, the LSTM against its formulas, Algorithm 1 on a toy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from embcomp.compressors.composition import Composition, LinearComposition, LstmComposition, embed
from embcomp.compressors.kd_lstm import LstmSearch, compose, compose_all, solve_transform, surrogate_codebooks
from embcomp.compressors.kd_training import (
    Training,
    logits_bytes,
    network_gradients,
    softmax,
    straight_through,
    train_network,
    train_straight_through,
)

N, DIMS, WAYS, CODE_DIM, DIM = 6, 3, 4, 5, 7


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def codes(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, WAYS, (N, DIMS)).astype(np.uint16)


def compositions() -> list[Composition]:
    """In float64, so that finite differences are accurate."""
    return [
        LinearComposition(normal(CODE_DIM, DIM, seed=1)),
        LstmComposition(
            normal(CODE_DIM, 4 * CODE_DIM, seed=2), normal(4 * CODE_DIM, seed=3), normal(CODE_DIM, DIM, seed=4)
        ),
    ]


each_composition = pytest.mark.parametrize("composition", compositions(), ids=["linear", "lstm"])


def differences(loss: Callable[[], float], array: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences of ``loss`` by each number of ``array``."""
    out = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + step
        above = loss()
        array[place] = kept - step
        below = loss()
        array[place] = kept
        out[place] = (above - below) / (2 * step)
    return out


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_lstm_is_that_of_the_paper() -> None:
    """[Chen 2017, §2.2], line by line, for one row."""
    _, lstm = compositions()
    assert isinstance(lstm, LstmComposition)
    u = np.split(lstm.recurrent, 4, axis=1)
    b = np.split(lstm.bias, 4)
    embedded = normal(DIMS, 1, CODE_DIM, seed=9)
    h, m, total = np.zeros(CODE_DIM), np.zeros(CODE_DIM), np.zeros(CODE_DIM)
    for w in embedded[:, 0]:
        f, i, o = (sigmoid(w + h @ u[gate] + b[gate]) for gate in range(3))
        m = f * m + i * np.tanh(w + h @ u[3] + b[3])
        h = o * np.tanh(m)
        total = total + h
    np.testing.assert_allclose(lstm.forward(embedded)[0][0], total @ lstm.transform, atol=1e-12)


@each_composition
def test_gradients_of_a_network_are_those_of_finite_differences(composition: Composition) -> None:
    targets, books = normal(N, DIM, seed=5), normal(DIMS, WAYS, CODE_DIM, seed=6)
    loss, gradients = network_gradients(targets, codes(), books, composition)
    composed, _ = composition.forward(embed(books, codes()))
    assert loss == pytest.approx(((composed - targets) ** 2).sum() / N)
    for array, gradient in zip([books, *composition.parameters], gradients, strict=True):
        expected = differences(lambda: network_gradients(targets, codes(), books, composition)[0], array)
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


@each_composition
def test_gradients_of_smooth_codes_are_those_of_finite_differences(composition: Composition) -> None:
    targets, books = normal(N, DIM, seed=5), normal(DIMS, WAYS, CODE_DIM, seed=6)
    logits = normal(N, DIMS, WAYS, seed=7)

    def loss() -> float:
        return straight_through(targets, logits, books, composition, 0.7, discrete=False).loss

    found = straight_through(targets, logits, books, composition, 0.7, discrete=False)
    np.testing.assert_allclose(found.logits, differences(loss, logits), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.codebooks, differences(loss, books), rtol=1e-3, atol=1e-5)
    for array, gradient in zip(composition.parameters, found.parameters, strict=True):
        np.testing.assert_allclose(gradient, differences(loss, array), rtol=1e-3, atol=1e-5)


@each_composition
def test_straight_through_is_one_hot_forward_and_softmax_backward(composition: Composition) -> None:
    targets, books = normal(N, DIM, seed=5), normal(DIMS, WAYS, CODE_DIM, seed=6)
    logits, temperature = normal(N, DIMS, WAYS, seed=7), 0.7
    found = straight_through(targets, logits, books, composition, temperature)
    hard = logits.argmax(axis=2).astype(np.uint16)
    loss, gradients = network_gradients(targets, hard, books, composition)
    assert found.loss == pytest.approx(loss)
    for one, other in zip([found.codebooks, *found.parameters], gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    # ∂L/∂π times the Jacobian of the softmax, for one logit vector
    row, j = 2, 1
    one_hot = np.eye(WAYS)[hard]

    def loss_of_pi() -> float:
        composed, _ = composition.forward(np.matmul(one_hot.transpose(1, 0, 2), books))
        return float(((composed - targets) ** 2).sum()) / N

    d_pi = differences(loss_of_pi, one_hot)[row, j]
    zeta = softmax(logits[row, j] / temperature)
    jacobian = (np.diag(zeta) - np.outer(zeta, zeta)) / temperature
    np.testing.assert_allclose(found.logits[row, j], jacobian @ d_pi, rtol=1e-3, atol=1e-5)


def test_temperature_and_rate_fall_as_said() -> None:
    training = Training(epochs=10, batch_size=1, learning_rate=0.5, temperature=2.0, decay=0.5)
    assert [training.temperature_at(t) for t in (0, 2, 6)] == [2.0, 1.0, 0.5]
    assert [training.rate_at(t) for t in (0, 5)] == [0.5, 0.25]


def test_straight_through_training_finds_clusters() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((4, 5)) * 3
    targets = (centres[np.arange(200) % 4] + 0.05 * rng.standard_normal((200, 5))).astype(np.float32)
    books = rng.standard_normal((1, 8, 5)).astype(np.float32)
    trained = train_straight_through(
        targets, books, LinearComposition(None), Training(60, 20, 0.05, decay=0.3), np.random.default_rng(1)
    )
    assert trained.codebooks is books
    assert trained.losses[-1] < 0.1 * trained.losses[0]
    assert trained.changed[-1] < 0.05
    majority = [np.bincount(trained.codes[cluster::4, 0]) for cluster in range(4)]
    assert len({int(counts.argmax()) for counts in majority}) == 4
    assert all(counts.max() > 25 for counts in majority)


def test_training_a_network_lowers_the_loss() -> None:
    rng = np.random.default_rng(0)
    targets = normal(N, DIM, seed=5).astype(np.float32)
    books = normal(DIMS, WAYS, CODE_DIM, seed=6).astype(np.float32)
    lstm = LstmComposition.random(CODE_DIM, DIM, rng)
    losses = train_network(targets, codes(), books, lstm, Training(200, 3, 0.02), rng)
    assert losses[-1] < 0.2 * losses[0]


def some_lstm() -> tuple[np.ndarray, LstmComposition, np.ndarray]:
    rng = np.random.default_rng(3)
    books = normal(DIMS, WAYS, CODE_DIM, seed=6).astype(np.float32)
    lstm = LstmComposition.random(CODE_DIM, DIM, rng)
    many = rng.integers(0, WAYS, (200, DIMS)).astype(np.uint16)
    return books, lstm, many


def test_composing_is_the_forward_pass() -> None:
    books, lstm, many = some_lstm()
    expected, _ = lstm.forward(embed(books, many))
    np.testing.assert_allclose(compose(books, lstm, many), expected, atol=1e-6)
    np.testing.assert_allclose(compose_all(books, lstm, many), expected, atol=1e-6)


def test_the_transform_is_solved_for() -> None:
    books, lstm, many = some_lstm()
    targets = normal(200, DIM, seed=8).astype(np.float32)
    solve_transform(targets, many, books, lstm)
    base = float(((targets - compose(books, lstm, many)) ** 2).sum())
    for _ in range(5):
        lstm.transform += 0.01 * normal(CODE_DIM, DIM).astype(np.float32)
        assert float(((targets - compose(books, lstm, many)) ** 2).sum()) > base


def test_the_search_finds_the_codes_of_what_an_lstm_composed() -> None:
    books, lstm, many = some_lstm()
    targets = compose(books, lstm, many)
    search = LstmSearch(books, lstm, surrogate_codebooks(books, lstm, many))
    found = search.encode(targets, width=16, sweeps=5)
    error = ((targets - compose(books, lstm, found)) ** 2).sum(axis=1)
    assert (error < 1e-8).mean() > 0.9


def test_the_search_never_makes_a_row_worse() -> None:
    books, lstm, many = some_lstm()
    targets = normal(200, DIM, seed=8).astype(np.float32)
    found = many.copy()
    LstmSearch(books, lstm, surrogate_codebooks(books, lstm, many)).improve_all(targets, found)
    before = ((targets - compose(books, lstm, many)) ** 2).sum(axis=1)
    after = ((targets - compose(books, lstm, found)) ** 2).sum(axis=1)
    assert (after <= before + 1e-5).all()
    assert after.sum() < before.sum()


def test_bytes_of_logits() -> None:
    assert logits_bytes(1000, 10, 50) == 1000 * 10 * 50 * 12
