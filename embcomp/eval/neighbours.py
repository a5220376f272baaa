"""Exact nearest neighbours of a sample of words, in one pass over the vectors."""

from __future__ import annotations

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.eval.statistics import IntArray, unit_rows
from embcomp.eval.target import Target
from embcomp.progress import Progress, no_progress
from embcomp.shortlist import Shortlist
from embcomp.threads import CHUNK_ROWS


def nearest(
    target: Target,
    rows: IntArray,
    queries: IntArray,
    depth: int,
    progress: Progress = no_progress,
    stage: str = "neighbours",
    vectors: FloatArray | None = None,
) -> IntArray:
    """Nearest of ``rows`` to some of them, by cosine, the word itself left out; of equals, the earlier first.

    Vectors are decoded block by block and never held together.

    Args:
        target: has the vectors.
        rows: int64, shape (n,): the candidates.
        queries: int64, shape (q,): positions in ``rows``.
        depth: how many neighbours; n − 1 if there are fewer.
        progress: called before each block.
        stage: its first argument.
        vectors: float32, shape (q, dim): what to look for near the queries; ``None`` for their own vectors.

    Returns:
        Positions in ``rows``, int64, shape (q, depth), nearest first.
    """
    depth = max(0, min(depth, len(rows) - 1))
    if depth == 0 or not len(queries):
        return np.empty((len(queries), depth), dtype=np.int64)
    units = -_units(target.decode_rows(rows[queries]) if vectors is None else vectors)
    found = [Shortlist(depth) for _ in queries]
    for start in range(0, len(rows), CHUNK_ROWS):
        progress(stage, start, len(rows))
        costs = units @ _units(target.decode_rows(rows[start : start + CHUNK_ROWS])).T
        own = np.flatnonzero((queries >= start) & (queries < start + costs.shape[1]))
        costs[own, queries[own] - start] = 2  # above that of any cosine
        for shortlist, each in zip(found, costs, strict=True):
            shortlist.offer(each, start)
    progress(stage, len(rows), len(rows))
    return np.array([shortlist.best()[0] for shortlist in found])


def _units(vectors: FloatArray) -> FloatArray:
    return unit_rows(vectors).astype(np.float32)
