"""The k best of many rows, whose costs come in blocks, without keeping or sorting the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import AnyArray, DoubleArray

Ranked: TypeAlias = tuple[NDArray[np.int64], DoubleArray]
"""Ranks, int64 (k,), and scores, float64 (k,), largest first, equal ones by rank."""

FIRST_ROWS = 4096  # for a first bound that leaves few of the others
FIRST_SHARE = 32  # at least so many for each row wanted
PENDING_ROWS = 256  # so many are looked at at once


class Shortlist:
    """Takes costs of rows in blocks, in order of rank, and keeps the k rows of least cost.

    A row's score is its cost with the other sign.
    """

    def __init__(self, k: int, bound: Callable[[float], float] = lambda score: -score) -> None:
        """Prepare.

        Args:
            k: at least 1.
            bound: gives the cost of a score, finite; a whole number if costs are.
        """
        self._k = k
        self._bound_of = bound
        self._bound: float | None = None
        self._pending: list[tuple[NDArray[np.int64], DoubleArray]] = []
        self._n_pending = 0
        self._ranks = np.empty(0, dtype=np.int64)
        self._scores = np.empty(0)

    def offer(self, costs: AnyArray, first_rank: int) -> None:
        """Look at the costs of the rows from ``first_rank`` on. The array may be overwritten afterwards."""
        if self._bound is None and len(costs) > self._k:
            first = costs[: max(FIRST_ROWS, FIRST_SHARE * self._k)]
            self._bound = self._bound_of(-float(np.partition(first, self._k - 1)[self._k - 1]))
        hits = np.arange(len(costs)) if self._bound is None else (costs <= self._bound).nonzero()[0]
        if len(hits):
            self._pending.append((hits + first_rank, -costs[hits].astype(np.float64)))
            self._n_pending += len(hits)
            if self._n_pending >= max(PENDING_ROWS, self._k):
                self._settle()

    def best(self) -> Ranked:
        """Return the k best of all rows offered, fewer if there were fewer."""
        self._settle()
        order = np.argsort(-self._scores, kind="stable")
        return self._ranks[order], self._scores[order]

    def _settle(self) -> None:
        """Keep the k best of those kept and those waiting, in order of rank."""
        if not self._pending:
            return
        new, new_scores = map(np.concatenate, zip(*self._pending, strict=True))
        self._pending, self._n_pending = [], 0
        ranks, scores = np.concatenate([self._ranks, new]), np.concatenate([self._scores, new_scores])
        if len(ranks) >= self._k:
            least = float(np.partition(scores, -self._k)[-self._k])
            kept = scores > least
            kept[(scores == least).nonzero()[0][: self._k - np.count_nonzero(kept)]] = True
            ranks, scores = ranks[kept], scores[kept]
            self._bound = self._bound_of(math.nextafter(least, math.inf))  # of equals the first are kept
        self._ranks, self._scores = ranks, scores
