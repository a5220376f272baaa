"""The k best of many rows, whose costs come in blocks, without keeping or sorting the rest."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import AnyArray, DoubleArray

Ranked: TypeAlias = tuple[NDArray[np.int64], DoubleArray]
"""Ranks, int64 (k,), and scores, float64 (k,), largest first, equal ones by rank."""

FEW = 1024  # costs that are sorted to exclude most of the others


class Shortlist:
    """Takes costs of rows in blocks, in order of rank, and keeps the k rows of least cost.

    A row's score is its cost with the other sign.
    """

    def __init__(self, k: int) -> None:
        """Keep ``k`` rows, at least 1."""
        self._k = k
        self._ranks = np.empty(0, dtype=np.int64)
        self._scores = np.empty(0)

    def offer(self, costs: AnyArray, first_rank: int) -> None:
        """Look at the costs of the rows from ``first_rank`` on. The array may be overwritten afterwards."""
        full = len(self._scores) == self._k
        if full:
            hits = (costs < costs.dtype.type(-self._scores.min())).nonzero()[0]
        else:  # the k-th of some is at least that of all
            some = costs[:: max(1, len(costs) // max(FEW, self._k))]
            least = np.partition(some, self._k - 1)[self._k - 1] if len(some) >= self._k else np.inf
            hits = (costs <= least).nonzero()[0]
        if not len(hits):
            return
        ranks = np.concatenate([self._ranks, hits + first_rank])
        scores = np.concatenate([self._scores, -costs[hits].astype(np.float64)])
        if len(ranks) > self._k:
            least = np.partition(scores, -self._k)[-self._k]
            kept = scores > least
            kept[(scores == least).nonzero()[0][: self._k - np.count_nonzero(kept)]] = True
            ranks, scores = ranks[kept], scores[kept]
        self._ranks, self._scores = ranks, scores

    def best(self) -> Ranked:
        """Return the k best of all rows offered, fewer if there were fewer."""
        order = np.argsort(-self._scores, kind="stable")
        return self._ranks[order], self._scores[order]
