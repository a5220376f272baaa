"""Training ALONE's network: order of the rows, learning rate, and the filters of the rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import FloatArray
from embcomp.compressors.feed_forward import Trainer, initial_network
from embcomp.compressors.filters import Assignments, combine, repeated
from embcomp.progress import Progress
from embcomp.threads import blocks, single_threaded_blas

FILTER_BYTES = 2**27  # filters of all rows are kept while training if they take no more than this
MEASURED_STEPS = 3
NEWS_SECONDS = 0.5  # between two progress reports at least


def learning_rate(n_units: int) -> float:
    """Return the learning rate that suits a network of this width.

    Found to be good, to a factor of two, at 600, 2,400 and 9,600 units: 0.008, 0.004 and 0.002. A step moves an
    output by about the learning rate times the number of units, so that wide networks overshoot at the rate of narrow
    ones.
    """
    return min(0.01, 0.2 / float(np.sqrt(n_units)))


def measured_seconds(n_units: int, dim: int, batch_rows: int, n_steps: int) -> float:
    """Return how long a training takes here, from a few steps of it on zeros."""
    network = initial_network(n_units, dim, dim, np.random.default_rng(0))
    trainer = Trainer(network, batch_rows)
    zeros = np.zeros((batch_rows, dim), dtype=np.float32)
    with single_threaded_blas():
        trainer.step(zeros, zeros, 0.0)
        start = time.perf_counter()
        for _ in range(MEASURED_STEPS):
            trainer.step(zeros, zeros, 0.0)
    return n_steps * (time.perf_counter() - start) / MEASURED_STEPS


class Filters:
    """The filters of all rows by position, computed in advance if they are small."""

    def __init__(self, sources: NDArray[Any], assignments: Assignments) -> None:
        self._sources = sources
        self._assignments = assignments
        n_bytes = 4 * len(assignments) * sources.shape[2]
        self._made = combine(sources, assignments) if n_bytes <= FILTER_BYTES else None

    def __getitem__(self, positions: slice | NDArray[np.int64]) -> FloatArray:
        """Return filters, float32, shape (k, dim)."""
        if self._made is not None:
            return self._made[positions]
        return combine(self._sources, self._assignments[positions])

    def n_shared(self) -> int:
        """Count rows whose binary filter is that of an earlier row, though no row shares all its columns.

        Sums of Gaussian numbers do not coincide.
        """
        if self._sources.dtype != np.uint8:
            return 0
        n_rows = len(self._assignments)
        packed = np.empty((n_rows, bits.row_bytes(self._sources.shape[2])), dtype=np.uint8)
        for block in blocks(n_rows):
            packed[block] = bits.pack(self[block] > 0)
        return len(repeated(packed))


class Schedule:
    """The batches of a training, its progress and its losses.

    The *share* done is that of the batches or that of the seconds allowed, whichever is greater.
    """

    def __init__(self, n_epochs: int, n_batches: int, seconds: float | str, progress: Progress) -> None:
        self.losses: list[float] = []
        self._n_epochs = n_epochs
        self._n_batches = n_batches
        self._seconds = np.inf if isinstance(seconds, str) else seconds
        self._progress = progress
        self._start = time.monotonic()
        self._news = 0.0
        self._done = 0
        self._loss_sum = 0.0
        self._rows = 0

    @property
    def share(self) -> float:
        """The share of the training that is done, from 0; 1 or more at the end."""
        by_time = (time.monotonic() - self._start) / self._seconds
        return max(by_time, self._done / max(1, self._n_epochs * self._n_batches))

    @property
    def rate(self) -> float:
        """What the peak learning rate is multiplied with: 1 up to half of the training, then down to 0."""
        return min(1.0, 2.0 * (1.0 - self.share))

    def batches(self, n_rows: int, batch: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each batch: every row once an epoch, in a new order each time."""
        for epoch in range(1, self._n_epochs + 1):
            order = rng.permutation(n_rows)
            self._loss_sum, self._rows = 0.0, 0
            for start in range(0, n_rows, batch):
                if self.share >= 1:
                    break
                yield order[start : start + batch]
                self._tell(epoch - 1)
            if self._rows:
                self.losses.append(self._loss_sum / self._rows)
            if self.share >= 1:
                break
        self._tell(len(self.losses), always=True)

    def record(self, loss: float, n_rows: int) -> None:
        """Record the loss of the last batch."""
        self._loss_sum += loss * n_rows
        self._rows += n_rows
        self._done += 1

    def _tell(self, n_done: int, *, always: bool = False) -> None:
        """Report the epochs that are done, the current one's loss so far and the remaining seconds, at intervals."""
        seconds = time.monotonic() - self._start
        if not always and seconds - self._news < NEWS_SECONDS:
            return
        self._news = seconds
        share = min(1.0, self.share)
        left = seconds * (1 - share) / share if share else 0.0
        note = f"loss {self._loss_sum / max(1, self._rows):.4f}, {left:.0f} s left"
        self._progress("epoch", n_done, self._n_epochs, note)
