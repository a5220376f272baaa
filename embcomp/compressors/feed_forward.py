"""The feed-forward network behind ALONE, and the gradients to train it (alone.txt §2.2, eq. (3)-(4)).

FFN(x) = W₂ max(0, W₁ x), with x = m ⊙ o. Here W₁ is ``inner``, shape (n_units, base_dim), and W₂ᵀ is ``outer``, shape
(n_units, dim): row j of both belongs to hidden unit j.

Training works on *slices* of hidden units, each with its own weights, gradients, Adam and buffers. Slices meet twice
a step only, where their outputs are added up and where o moves, so each runs on a core of its own with its weights in
that core's cache. How many slices there are follows from ``n_units`` alone, their products run on a single-threaded
BLAS, and sums over slices keep their order, so that the number of threads changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from embcomp.compressors.adam import Adam
from embcomp.threads import get_threads, single_threaded_blas

Matrix = NDArray[np.float32]
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

    base: Matrix
    inner: Matrix
    outer: Matrix

    def __call__(self, filters: Matrix) -> Matrix:
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
    W₁'s to learn, and W₂ is 0, so that outputs start at 0, the mean of what is learnt. ``centred``: rows of W₁ sum to
    0, see :class:`Trainer`.
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
    """What one thread works with while it is at a slice; used for one slice after the other."""

    def __init__(self, batch_rows: int, n_units: int, base_dim: int, dim: int) -> None:
        self.hidden_gradient = np.empty((batch_rows, n_units), dtype=np.float32)
        self.inner_gradient = np.empty((n_units, base_dim), dtype=np.float32)
        self.outer_gradient = np.empty((n_units, dim), dtype=np.float32)

    def of(self, n_rows: int, n_units: int) -> tuple[Matrix, Matrix, Matrix]:
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

    def forward(self, inputs: Matrix) -> Matrix:
        """Return these units' part of the output, float32, shape (b, dim)."""
        hidden, active = self._hidden[: len(inputs)], self._active[: len(inputs)]
        np.matmul(inputs, self.inner.T, out=hidden)
        np.greater(hidden, 0, out=active)
        np.multiply(hidden, active, out=hidden)  # max(0, ·) in half the time of np.maximum
        return np.matmul(hidden, self.outer, out=self._output[: len(inputs)])

    def backward(
        self, filters: Matrix, base: Matrix, output_gradient: Matrix, scratch: _Scratch, *, centred: bool
    ) -> tuple[Matrix, Matrix]:
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

    def update(self, gradients: tuple[Matrix, Matrix], learning_rate: float) -> None:
        """Move the weights against their gradients."""
        self._adam.lr = learning_rate
        self._adam.step(gradients)


class Trainer:
    """Trains a network in place by Adam on mini-batches; use within :meth:`running`.

    Args:
        network: changed by :meth:`step`.
        batch_rows: rows of the largest batch.
        fix_base: leave o as it is ("Fix o" of alone.txt Figure 3).
        centred: keep the rows of ∂loss/∂(W₁ ⊙ o) at sum 0. Binary masks have a mean, the same 1 − p_o in every
            number; a step along it moves a unit's inputs for all words at once, and most units it reaches are off for
            all words soon after. Without that direction there are no dead units at four times the learning rate.
    """

    def __init__(self, network: Network, batch_rows: int, *, fix_base: bool = False, centred: bool = False) -> None:
        self.network = network
        self._centred = centred
        self._slices = [_Slice(network, units, batch_rows) for units in slices(len(network.inner))]
        self._scratch = [self._new_scratch(batch_rows)]
        self._base_adam = None if fix_base else Adam([network.base])
        self._pool: ThreadPoolExecutor | None = None
        self._n_workers = 1

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have the threads to work with."""
        self._n_workers = min(get_threads(), len(self._slices))
        batch_rows = len(self._scratch[0].hidden_gradient)
        self._scratch += [self._new_scratch(batch_rows) for _ in range(self._n_workers - len(self._scratch))]
        with single_threaded_blas():
            if self._n_workers == 1:
                yield
                return
            with ThreadPoolExecutor(self._n_workers - 1) as pool:
                self._pool = pool
                try:
                    yield
                finally:
                    self._pool = None

    def step(self, filters: Matrix, targets: Matrix, learning_rate: float) -> float:
        """Move against the gradient of the batch; return its loss as it was before.

        The loss is the mean over rows of ‖target − FFN(m ⊙ o)‖² (eq. (4)).

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

    def gradients(self, filters: Matrix, targets: Matrix) -> tuple[float, Network]:
        """Return the loss of a batch and its gradient with respect to every number of the network, not centred."""
        loss, output_gradient = self._forward(filters, targets)

        def work(part: _Slice, scratch: _Scratch) -> list[Matrix]:
            base = self.network.base
            return [array.copy() for array in part.backward(filters, base, output_gradient, scratch, centred=False)]

        parts = self._on_slices(work)
        inner, outer = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return loss, Network(self._base_gradient(), inner, outer)

    def _forward(self, filters: Matrix, targets: Matrix) -> tuple[float, Matrix]:
        """Return the loss and its gradient with respect to the output."""
        inputs = filters * self.network.base
        outputs = self._on_slices(lambda part, _: part.forward(inputs))
        residual: Matrix = outputs[0] - targets
        for output in outputs[1:]:
            residual += output
        loss = float(np.vdot(residual, residual)) / len(targets)
        residual *= np.float32(2 / len(targets))
        return loss, residual

    def _base_gradient(self) -> Matrix:
        total = self._slices[0].base_gradient.copy()
        for part in self._slices[1:]:
            total += part.base_gradient
        return total

    def _new_scratch(self, batch_rows: int) -> _Scratch:
        n_units = max(len(part.inner) for part in self._slices)
        return _Scratch(batch_rows, n_units, self.network.inner.shape[1], self.network.outer.shape[1])

    def _on_slices(self, function: Callable[[_Slice, _Scratch], Result]) -> list[Result]:
        """Call ``function`` on every slice, shared out among the threads; return what it gave, in order."""

        def work(parts: list[_Slice], scratch: _Scratch) -> list[Result]:
            with np.errstate(over="ignore", invalid="ignore"):  # of this thread; the loss tells what went wrong
                return [function(part, scratch) for part in parts]

        if self._pool is None:
            return work(self._slices, self._scratch[0])
        n_each = -(-len(self._slices) // self._n_workers)
        shares = [self._slices[start : start + n_each] for start in range(0, len(self._slices), n_each)]
        others = [
            self._pool.submit(work, share, scratch)
            for share, scratch in zip(shares[1:], self._scratch[1:], strict=False)
        ]
        results = work(shares[0], self._scratch[0])
        for other in others:
            results += other.result()
        return results
