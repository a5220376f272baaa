"""The k smallest of many costs that come in blocks, without keeping or sorting the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_ROWS = 1024  # enough for a first bound that leaves few of the others


class Smallest:
    """Keeps the rows whose cost is at most the k-th smallest seen.

    A block is compared with that bound, and only what is below it is looked at again.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._bound: Any = None
        self._costs: list[NDArray[Any]] = []
        self._ranks: list[NDArray[np.int64]] = []
        self._pending = 0
        self._shrink_at = 0

    def offer(self, costs: NDArray[Any], first_rank: int) -> None:
        """Look at the costs of the rows from ``first_rank`` on. The array may be overwritten afterwards."""
        if self._bound is None:
            n_first = max(FIRST_ROWS, 4 * self._k)
            self._keep(costs[:n_first].copy(), np.arange(first_rank, first_rank + len(costs[:n_first])))
            costs, first_rank = costs[n_first:], first_rank + n_first
            if self._bound is None:  # still too few to say
                return
        hits = (costs <= self._bound).nonzero()[0]
        if len(hits):
            self._keep(costs[hits], hits + first_rank)

    def kept(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return costs and ranks of the rows kept, ranks ascending."""
        self._shrink()
        if not self._costs:
            return np.empty(0, dtype=np.float64), np.empty(0, dtype=np.int64)
        return self._costs[0], self._ranks[0]

    def _keep(self, costs: NDArray[Any], ranks: NDArray[np.int64]) -> None:
        self._costs.append(costs)
        self._ranks.append(ranks)
        self._pending += len(costs)
        if self._pending >= max(self._shrink_at, self._k):
            self._shrink()

    def _shrink(self) -> None:
        if not self._costs:
            return
        costs, ranks = np.concatenate(self._costs), np.concatenate(self._ranks)
        if len(costs) >= self._k > 0:
            self._bound = np.partition(costs, self._k - 1)[self._k - 1].item()
            low = costs <= self._bound
            costs, ranks = costs[low], ranks[low]
        self._costs, self._ranks, self._pending = [costs], [ranks], len(costs)
        self._shrink_at = 2 * len(costs) + FIRST_ROWS // 4
