"""Weighted distances by faiss's FastScan, which looks up four bits of a code at once, in registers [André 2017].

FastScan rounds its tables, one for each four bits of a code, to whole numbers from 0 to 255: it subtracts from each
its smallest number and scales all by one factor, so that the largest number becomes 255. Weights that are whole
numbers, and whose largest sum over four bits is 255, lose nothing. The error is then that of :class:`NibbleWeights`,
and known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray
from embcomp.bits import BytesArray
from embcomp.search.engines import faiss_module

NIBBLE_BITS = 4
TABLE_MAX = 255
SUM_MAX = 2**16 - 1  # FastScan adds up in 16 bits
PATTERNS = 2 * np.unpackbits(np.arange(16, dtype=np.uint8)[:, None], axis=1)[:, NIBBLE_BITS:].astype(np.float32) - 1
KEPT_SCANS = 2  # say of all rows, and of the first 50,000


@dataclass(frozen=True)
class NibbleWeights:
    """Weights of bits, rounded to multiples of a step: whole numbers whose largest sum over four bits is 255.

    Attributes:
        units: float64, whole numbers of at least 0, shape (bits of whole bytes,).
        step: what one unit stands for.
        below: Σ of the weights' errors that are negative, as a positive number:
            step · (rounded sum) − below ≤ exact sum.
    """

    units: DoubleArray
    step: float
    below: float

    @classmethod
    def round(cls, weights: DoubleArray) -> NibbleWeights | None:
        """Round ``weights``, of at least 0; ``None`` if all are 0, or more than FastScan can add up."""
        padded = np.zeros(-(-len(weights) // 8) * 8)
        padded[: len(weights)] = weights
        largest = float(_by_nibble(padded).sum(axis=1).max(initial=0.0))
        step = largest / (TABLE_MAX - NIBBLE_BITS // 2)  # each weight may be rounded up by a half
        if step < np.finfo(np.float64).tiny:
            return None
        units = np.rint(padded / step)
        sums = _by_nibble(units).sum(axis=1)
        fullest = int(sums.argmax())
        nibble = _by_nibble(units)[fullest]
        nibble[nibble.argmax()] += TABLE_MAX - sums[fullest]
        if sums.sum() + TABLE_MAX > SUM_MAX:
            return None
        errors = padded - units * step
        return cls(units, step, float(-errors[errors < 0].sum()))


class FastScan:
    """Codes of all rows in faiss's layout, one for each number of rows that a search is restricted to."""

    def __init__(self, loose: BytesArray) -> None:
        """Take loose rows (see :mod:`embcomp.bits`), which are in order of rank."""
        self._loose = loose
        self._scan = lru_cache(KEPT_SCANS)(self._build)

    def nearest(
        self, best_code: BytesArray, weights: NibbleWeights, k: int, n_rows: int
    ) -> tuple[BytesArray, DoubleArray, NDArray[np.int64]] | None:
        """Return codes, costs and ranks of ``k`` rows of least cost among the first ``n_rows``, the least first.

        The cost of a row is the sum of the units of the bits in which it differs from ``best_code``, shape (bytes,).
        Rows of equal cost are in no order, and any of the largest cost may be missing. ``None`` if faiss does not
        give just these costs.
        """
        signs = 2.0 * np.unpackbits(best_code) - 1
        ordered = _by_nibble(signs * weights.units / 2).reshape(-1, 2, NIBBLE_BITS)[:, ::-1]  # low nibbles first
        products, ranks = self._scan(n_rows).search(ordered.astype(np.float32).reshape(1, -1), k)
        costs, ranks = weights.units.sum() / 2 - products[0].astype(np.float64), ranks[0]
        codes = self._loose[ranks]
        if ranks.min(initial=0) < 0 or not np.array_equal(
            np.unpackbits(codes ^ best_code, axis=1) @ weights.units, costs
        ):
            return None
        return codes, costs, ranks

    def _build(self, n_rows: int) -> Any:
        faiss = faiss_module()
        n_nibbles = 2 * self._loose.shape[1]
        index = faiss.IndexPQ(NIBBLE_BITS * n_nibbles, n_nibbles, NIBBLE_BITS, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(np.tile(PATTERNS.ravel(), n_nibbles), index.pq.centroids)
        index.is_trained = True
        faiss.copy_array_to_vector(self._loose[:n_rows].ravel(), index.codes)  # add_sa_codes is new in faiss 1.10
        index.ntotal = n_rows
        return faiss.IndexPQFastScan(index)


def _by_nibble(values: DoubleArray) -> DoubleArray:
    return values.reshape(-1, NIBBLE_BITS)
