"""The feed-forward network behind ALONE, and the gradients to train it [Takase 2020, §2.2, eq. 3-4].

FFN(x) = W₂ max(0, W₁ x), with x = m ⊙ o. Here W₁ is ``inner``, shape (n_units, base_dim), and W₂ᵀ is ``outer``, shape
(n_units, dim): row j of both belongs to hidden unit j.

Training works on *slices* of hidden units, each with its own weights, gradients, Adam and buffers. Slices meet twice
a step only, where their outputs are added up and where o moves, so each runs on a core of its own with its weights in
that core's cache. How many slices there are follows from ``n_units`` alone, their products run on a single-threaded
BLAS, and sums over slices keep their order, so that the number of threads changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.compressors.adam import Adam
from embcomp.threads import get_threads, map_ahead

Result = TypeVar("Result")

SLICES = 4  # at least, so that two or four cores have equal shares
SLICE_UNITS = 600  # × 256 rows × 4 bytes: hidden activations of a slice stay in a second-level cache of 1 MB
UNSLICED_UNITS = 128  # fewer units than this are not worth a second thread


@dataclass
class Network:
    """The numbers that ALONE learns.

    Attributes:
        base: o, float32, shape (base_dim,).
        inner: W₁, float32, shape (n_units, base_dim).
        outer: W₂ᵀ, float32, shape (n_units, dim).
    """

    base: FloatArray
    inner: FloatArray
    outer: FloatArray

    def __call__(self, filters: FloatArray) -> FloatArray:
        """Return FFN(m ⊙ o) for each row m of ``filters``, float32, shape (n, dim)."""
        hidden = np.empty((len(filters), len(self.inner)), dtype=np.float32)
        np.matmul(filters * self.base, self.inner.T, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        output = np.empty((len(filters), self.outer.shape[1]), dtype=np.float32)
        return np.matmul(hidden, self.outer, out=output)


def initial_network(
    n_units: int, base_dim: int, dim: int, rng: np.random.Generator, *, centred: bool = False
) -> Network:
    """Return an untrained network.

    Where we differ from PyTorch's linear layers, whose defaults the paper leaves in place: o is 1, its scale being
    W₁'s to learn, and W₂ is 0, so that outputs start at 0, the mean of the targets. ``centred``: rows of W₁ sum to 0,
    see :class:`Trainer`.
    """
    inner = rng.uniform(-1, 1, (n_units, base_dim)) / np.sqrt(base_dim)
    if centred:
        inner -= inner.mean(axis=1, keepdims=True)
    outer = np.zeros((n_units, dim), dtype=np.float32)
    return Network(np.ones(base_dim, dtype=np.float32), inner.astype(np.float32), outer)


def slices(n_units: int) -> list[slice]:
    """Cut hidden units into slices; the cut depends on their number only."""
    n_slices = SLICES * -(-n_units // (SLICES * SLICE_UNITS)) if n_units >= UNSLICED_UNITS else 1
    bounds = [n_units * number // n_slices for number in range(n_slices + 1)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


class _Scratch:
    """Buffers of one thread, reused for one slice after the other."""

    def __init__(self, batch_rows: int, network: Network, n_units: int) -> None:
        self.hidden_gradient = np.empty((batch_rows, n_units), dtype=np.float32)
        self.inner_gradient = np.empty((n_units, network.inner.shape[1]), dtype=np.float32)
        self.outer_gradient = np.empty((n_units, network.outer.shape[1]), dtype=np.float32)

    def of(self, n_rows: int, n_units: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the three arrays, cut to size and contiguous."""
        hidden_gradient = self.hidden_gradient.reshape(-1)[: n_rows * n_units].reshape(n_rows, n_units)
        return hidden_gradient, self.inner_gradient[:n_units], self.outer_gradient[:n_units]


class _Slice:
    """Some hidden units: views of their weights, their Adam, what they computed for the last batch."""

    def __init__(self, network: Network, units: slice, batch_rows: int) -> None:
        self.inner = network.inner[units]
        self.outer = network.outer[units]
        self.base_gradient = np.empty_like(network.base)
        n_units = len(self.inner)
        self._hidden = np.empty((batch_rows, n_units), dtype=np.float32)
        self._active = np.empty((batch_rows, n_units), dtype=np.bool_)
        self._output = np.empty((batch_rows, network.outer.shape[1]), dtype=np.float32)
        self._adam = Adam([self.inner, self.outer])

    def forward(self, inputs: FloatArray) -> FloatArray:
        """Return these units' part of the output, float32, shape (b, dim)."""
        hidden, active = self._hidden[: len(inputs)], self._active[: len(inputs)]
        np.matmul(inputs, self.inner.T, out=hidden)
        np.greater(hidden, 0, out=active)
        np.multiply(hidden, active, out=hidden)  # max(0, ·) in half the time of np.maximum
        return np.matmul(hidden, self.outer, out=self._output[: len(inputs)])

    def backward(
        self, filters: FloatArray, base: FloatArray, output_gradient: FloatArray, scratch: _Scratch, *, centred: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the gradients of W₁ and W₂ᵀ, in ``scratch``, after :meth:`forward` of ``filters * base``.

        With K = (∂loss/∂hidden)ᵀ · filters, ∂loss/∂W₁ = K ⊙ o and ∂loss/∂o = Σ_j W₁_j ⊙ K_j: the gradient of o,
        ``base_gradient``, costs no product of its own.
        """
        hidden, active = self._hidden[: len(filters)], self._active[: len(filters)]
        hidden_gradient, inner_gradient, outer_gradient = scratch.of(*hidden.shape)
        np.matmul(hidden.T, output_gradient, out=outer_gradient)
        np.matmul(output_gradient, self.outer.T, out=hidden_gradient)
        np.multiply(hidden_gradient, active, out=hidden_gradient)
        np.matmul(hidden_gradient.T, filters, out=inner_gradient)
        np.einsum("ij,ij->j", self.inner, inner_gradient, out=self.base_gradient)
        if centred:
            inner_gradient -= inner_gradient.mean(axis=1, keepdims=True)
        inner_gradient *= base
        return inner_gradient, outer_gradient

    def update(self, gradients: tuple[FloatArray, FloatArray], learning_rate: float) -> None:
        """Move the weights against their gradients."""
        self._adam.lr = learning_rate
        self._adam.step(gradients)


class Trainer:
    """Trains a network in place by Adam on mini-batches; to be used with single-threaded BLAS.

    Args:
        network: changed by :meth:`step`.
        batch_rows: rows of the largest batch.
        fix_base: leave o as it is ("Fix o" of [Takase 2020, Figure 3]).
        centred: keep the rows of ∂loss/∂(W₁ ⊙ o) at sum 0. Binary masks have a mean, the same 1 − p_o in every
            number; a step along it moves a unit's inputs for all words at once, and most units it reaches are off for
            all words soon after. Without that direction there are no dead units at four times the learning rate.
    """

    def __init__(self, network: Network, batch_rows: int, *, fix_base: bool = False, centred: bool = False) -> None:
        self.network = network
        self._centred = centred
        parts = [_Slice(network, units, batch_rows) for units in slices(len(network.inner))]
        n_each = -(-len(parts) // min(get_threads(), len(parts)))
        self._shares = [
            (parts[start : start + n_each], _Scratch(batch_rows, network, max(len(part.inner) for part in parts)))
            for start in range(0, len(parts), n_each)
        ]
        self._base_adam = None if fix_base else Adam([network.base])

    def step(self, filters: FloatArray, targets: FloatArray, learning_rate: float) -> float:
        """Move against the gradient of the batch; return its loss as it was before.

        The loss is the mean over rows of ‖target − FFN(m ⊙ o)‖² [Takase 2020, eq. 4].

        Args:
            filters: m, float32, shape (b, base_dim).
            targets: e, float32, shape (b, dim).
            learning_rate: Adam's.
        """
        loss, output_gradient = self._forward(filters, targets)

        def work(part: _Slice, scratch: _Scratch) -> None:
            base = self.network.base
            gradients = part.backward(filters, base, output_gradient, scratch, centred=self._centred)
            part.update(gradients, learning_rate)

        self._on_slices(work)
        if self._base_adam is not None:
            self._base_adam.lr = learning_rate
            self._base_adam.step([self._base_gradient()])
        return loss

    def _forward(self, filters: FloatArray, targets: FloatArray) -> tuple[float, FloatArray]:
        """Return the loss and its gradient with respect to the output."""
        inputs = filters * self.network.base
        outputs = self._on_slices(lambda part, _: part.forward(inputs))
        residual: FloatArray = outputs[0] - targets
        for output in outputs[1:]:
            residual += output
        loss = float(np.vdot(residual, residual)) / len(targets)
        residual *= np.float32(2 / len(targets))
        return loss, residual

    def _base_gradient(self) -> FloatArray:
        first, *others = [part.base_gradient for parts, _ in self._shares for part in parts]
        total = first.copy()
        for gradient in others:
            total += gradient
        return total

    def _on_slices(self, function: Callable[[_Slice, _Scratch], Result]) -> list[Result]:
        """Call ``function`` on every slice, distributed over the threads; return the results in order."""

        def work(share: tuple[list[_Slice], _Scratch]) -> list[Result]:
            parts, scratch = share
            with np.errstate(over="ignore", invalid="ignore"):  # of this thread; the loss shows the failure
                return [function(part, scratch) for part in parts]

        first: list[Result] = []

        def others() -> Iterator[tuple[list[_Slice], _Scratch]]:
            yield from self._shares[1:]
            first.extend(work(self._shares[0]))  # on this thread, while the others run

        rest = [each for share in map_ahead(work, others(), len(self._shares)) for each in share]
        return first + rest
