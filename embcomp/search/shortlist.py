"""The k best rows by an exact score, which is computed only where a cheap cost does not rule it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray

Ranked: TypeAlias = tuple[NDArray[np.int64], DoubleArray]
"""Ranks, int64 (k,), and scores, float64 (k,), largest first, equal ones by rank."""

FIRST_ROWS = 32768  # for a first bound that leaves few of the others
PENDING_ROWS = 512  # so many are scored at once


class Shortlist:
    """Takes costs of rows in blocks and keeps the k rows of largest score.

    Once k scores are known, a row whose cost is above ``bound`` of the k-th of them cannot be among the k.
    """

    def __init__(
        self,
        k: int,
        scores: Callable[[NDArray[np.int64]], DoubleArray],
        bound: Callable[[float], float],
    ) -> None:
        """Prepare.

        Args:
            k: at least 1.
            scores: gives the exact scores of rows, by their ranks.
            bound: gives the largest cost that a row of this score can have.
        """
        self._k = k
        self._exact = scores
        self._bound_of = bound
        self._bound: float | None = None
        self._pending: list[NDArray[np.int64]] = []
        self._n_pending = 0
        self._best: Ranked = (np.empty(0, dtype=np.int64), np.empty(0))

    def offer(self, costs: NDArray[Any], first_rank: int) -> None:
        """Look at the costs of the rows from ``first_rank`` on. The array may be overwritten afterwards."""
        if self._bound is None:
            self._guess(costs[:FIRST_ROWS], first_rank)
        hits = np.arange(len(costs)) if self._bound is None else (costs <= self._bound).nonzero()[0]
        if len(hits):
            self._pending.append(hits + first_rank)
            self._n_pending += len(hits)
            if self._n_pending >= PENDING_ROWS:
                self._settle()

    def best(self) -> Ranked:
        """Return the k best of all rows offered, fewer if there were fewer."""
        self._settle()
        return self._best

    def _guess(self, costs: NDArray[Any], first_rank: int) -> None:
        """Find a first bound from the exact scores of k rows of low cost."""
        if len(costs) > self._k:
            low = (costs <= np.partition(costs, self._k)[self._k]).nonzero()[0][: self._k]  # argpartition is slower
            self._bound = self._bound_of(float(self._exact(low + first_rank).min()))

    def _settle(self) -> None:
        if not self._pending:
            return
        new = np.concatenate(self._pending)
        self._pending, self._n_pending = [], 0
        ranks = np.concatenate([self._best[0], new])
        scores = np.concatenate([self._best[1], self._exact(new)])
        order = np.lexsort((ranks, -scores))[: self._k]
        self._best = ranks[order], scores[order]
        if len(order) == self._k:
            self._bound = self._bound_of(float(scores[order[-1]]))
