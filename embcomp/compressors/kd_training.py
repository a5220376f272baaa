"""Training of KD codes by gradients: [Chen 2017, Algorithm 1], and networks for codes that are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray, Symbols
from embcomp.compressors.adam import Adam
from embcomp.compressors.composition import Composition, embed
from embcomp.progress import Progress, no_progress
from embcomp.threads import single_threaded_blas


@dataclass(frozen=True)
class Training:
    """Settings of gradient descent: Adam with a rate that falls linearly to 0, ``batch_size`` rows per step.

    ``temperature`` T0 and ``decay`` are those of T_t = T0 / (1 + decay · t), t counting epochs from 0; only
    straight-through training has a temperature.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    temperature: float = 1.0
    decay: float = 1.0

    def temperature_at(self, epoch: int) -> float:
        """T_t."""
        return self.temperature / (1 + self.decay * epoch)

    def rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch."""
        return self.learning_rate * (1 - epoch / self.epochs)


@dataclass
class Gradients:
    """Mean ‖v − f‖² of a batch, and its gradients."""

    loss: float
    logits: FloatArray
    codebooks: FloatArray
    parameters: list[FloatArray]


def straight_through(
    targets: FloatArray,
    logits: FloatArray,
    codebooks: FloatArray,
    composition: Composition,
    temperature: float,
    *,
    discrete: bool = True,
) -> Gradients:
    """Lines 3-6 of Algorithm 1 for a batch of rows.

    Forward with π = one-hot(argmax ô), backward as if π were ζ = softmax(ô / T). With ``discrete=False``, ζ is used
    both ways: the "smooth continuous code" of §3, whose gradients are exact.

    Args:
        targets: v, float32 (n, d).
        logits: ô, float32 (n, D, K).
        codebooks: W, float32 (D, K, d').
        composition: f.
        temperature: T.
        discrete: whether the forward pass sees one-hot codes.
    """
    smooth = softmax(logits / np.float32(temperature))
    used = one_hot(logits.argmax(axis=2), logits.shape[2]) if discrete else smooth
    used_by_place, smooth_by_place = used.transpose(1, 0, 2), smooth.transpose(1, 0, 2)
    composed, cache = composition.forward(np.matmul(used_by_place, codebooks))
    difference = composed - targets
    loss = float(np.vdot(difference, difference)) / len(targets)
    d_embedded, d_parameters = composition.backward(cache, difference * np.float32(2 / len(targets)))
    d_codebooks = np.matmul(used_by_place.transpose(0, 2, 1), d_embedded)
    d_smooth = np.matmul(d_embedded, codebooks.transpose(0, 2, 1))
    d_smooth -= (d_smooth * smooth_by_place).sum(axis=2, keepdims=True)
    d_logits = smooth_by_place * d_smooth / np.float32(temperature)
    return Gradients(loss, np.ascontiguousarray(d_logits.transpose(1, 0, 2)), d_codebooks, d_parameters)


def softmax(values: FloatArray) -> FloatArray:
    """Over the last axis."""
    shifted: FloatArray = values - values.max(axis=-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=-1, keepdims=True)
    return shifted


def one_hot(symbols: NDArray[np.integer], ways: int) -> FloatArray:
    """float32, one more axis of length ``ways``."""
    out = np.zeros((*symbols.shape, ways), dtype=np.float32)
    np.put_along_axis(out, symbols[..., None], np.float32(1), axis=-1)
    return out


def logits_bytes(n_rows: int, dims: int, ways: int) -> int:
    """What straight-through training keeps per word: logits and Adam's two moments of them, float32."""
    return 3 * 4 * n_rows * dims * ways


@dataclass
class Trained:
    """Codebooks float32 (D, K, d'), codes uint16 (n, D); by epoch, the mean loss and the share of codes changed."""

    codebooks: FloatArray
    codes: Symbols
    losses: list[float]
    changed: list[float]


def train_straight_through(
    targets: FloatArray,
    codebooks: FloatArray,
    composition: Composition,
    training: Training,
    rng: np.random.Generator,
    progress: Progress = no_progress,
    *,
    discrete: bool = True,
    after_epoch: Callable[[FloatArray, Symbols], None] | None = None,
) -> Trained:
    """Algorithm 1: learn logits for each row, codebooks and θ together; both last are changed in place.

    Batches are the same rows in every epoch, visited in random order, so that each row's moments in Adam are updated
    once an epoch: Adam for the logits counts epochs, for the shared parameters it counts batches. ``after_epoch`` is
    called with codebooks and codes.
    """
    n_rows, (dims, ways, _) = len(targets), codebooks.shape
    order = rng.permutation(n_rows)
    targets = targets[order]
    logits = rng.standard_normal((n_rows, dims, ways), dtype=np.float32)
    batches = [
        (slice(start, start + training.batch_size), Adam([logits[start : start + training.batch_size]]))
        for start in range(0, n_rows, training.batch_size)
    ]
    shared = Adam([codebooks, *composition.parameters])
    result = Trained(codebooks, np.zeros((n_rows, dims), dtype=np.uint16), [], [])
    for epoch in range(training.epochs):
        progress("epoch", epoch, training.epochs)
        temperature, losses = training.temperature_at(epoch), 0.0
        shared.lr = training.rate_at(epoch)
        with single_threaded_blas():
            for number in rng.permutation(len(batches)):
                rows, own = batches[number]
                found = straight_through(
                    targets[rows], logits[rows], codebooks, composition, temperature, discrete=discrete
                )
                own.lr = LOGIT_RATE * shared.lr
                own.step([found.logits])
                shared.step([found.codebooks, *found.parameters])
                losses += found.loss * len(targets[rows])
        codes = np.empty_like(result.codes)
        codes[order] = logits.argmax(axis=2)
        result.changed.append(float((codes != result.codes).any(axis=1).mean()) if n_rows else 0.0)
        result.losses.append(losses / max(1, n_rows))
        result.codes = codes
        if after_epoch is not None:
            after_epoch(codebooks, codes)
    progress("epoch", training.epochs, training.epochs)
    return result


LOGIT_RATE = 30.0  # a row's logits take one step per epoch, the codebooks one per batch


def train_network(
    targets: FloatArray,
    codes: Symbols,
    codebooks: FloatArray,
    composition: Composition,
    training: Training,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> list[float]:
    """Minimise mean ‖v − f‖² over codebooks and θ, in place, for codes that stay; return the loss of each epoch."""
    optimiser = Adam([codebooks, *composition.parameters])
    result = []
    for epoch in range(training.epochs):
        progress("epoch", epoch, training.epochs)
        optimiser.lr, losses = training.rate_at(epoch), 0.0
        order = rng.permutation(len(targets))
        with single_threaded_blas():
            for start in range(0, len(order), training.batch_size):
                rows = order[start : start + training.batch_size]
                loss, gradients = network_gradients(targets[rows], codes[rows], codebooks, composition)
                optimiser.step(gradients)
                losses += loss * len(rows)
        result.append(losses / max(1, len(targets)))
    progress("epoch", training.epochs, training.epochs)
    return result


def network_gradients(
    targets: FloatArray, codes: Symbols, codebooks: FloatArray, composition: Composition
) -> tuple[float, list[FloatArray]]:
    """Return mean ‖v − f‖², and its gradients by the codebooks and by θ."""
    composed, cache = composition.forward(embed(codebooks, codes))
    difference = composed - targets
    loss = float(np.vdot(difference, difference)) / len(targets)
    d_embedded, d_parameters = composition.backward(cache, difference * np.float32(2 / len(targets)))
    d_codebooks = np.zeros_like(codebooks)
    for j, each in enumerate(np.broadcast_to(d_embedded, (len(codebooks), *d_embedded.shape[1:]))):
        _add_by_symbol(d_codebooks[j], codes[:, j], each)
    return loss, [d_codebooks, *d_parameters]


def _add_by_symbol(out: FloatArray, symbols: NDArray[np.unsignedinteger], values: FloatArray) -> None:
    """``out[k]`` = sum of the rows of ``values`` whose symbol is k; ``out`` holds zeros."""
    order = np.argsort(symbols, kind="stable")
    ordered = symbols[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=np.uint16(0)) != 0)
    starts = starts if len(starts) and starts[0] == 0 else np.concatenate([[0], starts])
    out[ordered[starts]] = np.add.reduceat(values[order], starts, axis=0)
