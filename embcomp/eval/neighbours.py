"""Exact nearest neighbours of a sample of words, in one pass over the vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.eval.statistics import IntArray, unit_rows
from embcomp.eval.target import Target
from embcomp.progress import Progress, no_progress

BLOCK_ROWS = 8192


def nearest(
    target: Target,
    rows: IntArray,
    queries: IntArray,
    depth: int,
    progress: Progress = no_progress,
    stage: str = "neighbours",
) -> IntArray:
    """Nearest of ``rows`` to some of them, by cosine, the word itself left out; of equals, the earlier first.

    Vectors are decoded block by block and never held together. After the first block, only what beats a query's
    worst neighbour so far is looked at.

    Args:
        target: has the vectors.
        rows: int64, shape (n,): the candidates.
        queries: int64, shape (q,): positions in ``rows``.
        depth: how many neighbours; n − 1 if there are fewer.
        progress: called before each block.
        stage: its first argument.

    Returns:
        Positions in ``rows``, int64, shape (q, depth), nearest first.
    """
    depth = max(0, min(depth, len(rows) - 1))
    if depth == 0 or not len(queries):
        return np.empty((len(queries), depth), dtype=np.int64)
    units = _units(target, rows[queries])
    best = _Best(len(queries), depth)
    for start in range(0, len(rows), BLOCK_ROWS):
        progress(stage, start, len(rows))
        block = _units(target, rows[start : start + BLOCK_ROWS])
        cosines = units @ block.T
        own = np.flatnonzero((queries >= start) & (queries < start + len(block)))
        cosines[own, queries[own] - start] = -np.inf
        best.take(cosines, start)
    best.merge()
    progress(stage, len(rows), len(rows))
    return best.positions.reshape(len(queries), depth)


class _Best:
    """The best candidates of each query so far, sorted by query, then cosine (falling), then position."""

    def __init__(self, n_queries: int, depth: int) -> None:
        self.depth = depth
        self.limits = np.full(n_queries, -np.inf, dtype=np.float32)
        self.queries = np.empty(0, dtype=np.int64)
        self.cosines = np.empty(0, dtype=np.float32)
        self.positions = np.empty(0, dtype=np.int64)
        self.pending: list[tuple[IntArray, NDArray[np.float32], IntArray]] = []

    def take(self, cosines: NDArray[np.float32], start: int) -> None:
        """Note what may be among the best of a block of cosines, shape (queries, block), numbered from ``start``."""
        found = np.flatnonzero(self._worth(cosines))
        queries, columns = np.divmod(found, cosines.shape[1])
        self.pending.append((queries, cosines.ravel()[found], columns + start))
        if sum(len(part[0]) for part in self.pending) >= len(self.queries):
            self.merge()

    def merge(self) -> None:
        """Sort what is pending in, and cut each query's candidates to its ``depth`` best."""
        parts = [(self.queries, self.cosines, self.positions), *self.pending]
        queries, values, positions = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((positions, -values, queries))
        queries = queries[order]
        place = np.arange(len(queries)) - np.searchsorted(queries, queries)
        kept = order[place < self.depth]
        self.queries, self.cosines, self.positions = queries[place < self.depth], values[kept], positions[kept]
        full = np.bincount(self.queries, minlength=len(self.limits)) == self.depth
        last = np.searchsorted(self.queries, np.flatnonzero(full), side="right") - 1
        self.limits[full] = self.cosines[last]
        self.pending = []

    def _worth(self, cosines: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which candidates can be among the best, shape of ``cosines``."""
        if len(self.queries) or cosines.shape[1] <= self.depth:
            return cosines > self.limits[:, None]
        floors = np.partition(cosines, -self.depth, axis=1)[:, -self.depth]
        return cosines >= floors[:, None]


def _units(target: Target, rows: IntArray) -> NDArray[np.float32]:
    return unit_rows(target.decode_rows(rows)).astype(np.float32)
