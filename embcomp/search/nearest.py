"""The k rows of largest similarity: by distances, and by vectors.

The result is that of computing the similarity exactly for all rows and sorting by (similarity descending, rank).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.kernels.best import rounded
from embcomp.shortlist import Ranked, Shortlist

Inverse: TypeAlias = float | FloatArray
"""1 / length of each row: one number if all rows have one length, else float32 of shape (n,)."""


def by_hamming(distances: NDArray[np.int64], ranks: NDArray[np.int64], n_bits: int) -> Ranked:
    """Similarity 1 − 2h / bits of rows found by their distances h."""
    return ranks, rounded(1 - 2 * distances / max(1, n_bits))


def by_vectors(
    blocks: Iterator[tuple[int, FloatArray]],
    queries: FloatArray,
    inverse: Inverse,
    k: int,
) -> list[Ranked]:
    """Similarity x·q · inverse for each query; ``blocks`` yields first ranks and vectors x, shape (rows, dim)."""
    nearest = [Shortlist(k) for _ in queries]
    for first, block in blocks:
        scale = _of(inverse, slice(first, first + len(block)))
        for shortlist, query in zip(nearest, queries, strict=True):
            shortlist.offer(-rounded((block @ query).astype(np.float64) * scale), first)
    return [shortlist.best() for shortlist in nearest]


def _of(inverse: Inverse, ranks: NDArray[np.int64] | slice) -> Inverse:
    return inverse if isinstance(inverse, float) else inverse[ranks]
