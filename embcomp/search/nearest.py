"""The k rows of largest similarity: by distances, by tables of codewords, and by vectors.

The result is that of computing the similarity exactly for all rows and sorting by (similarity descending, rank).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.kernels.sums import SCORE_UNIT, rounded
from embcomp.kernels.weights import Inverse
from embcomp.search.tables import Band, KnownProducts, Products
from embcomp.shortlist import Ranked, Shortlist
from embcomp.threads import blocks

FEW = 64
SCORE_SLACK = 2 * SCORE_UNIT  # for that rounding, and float64 arithmetic with numbers around 1


def by_hamming(distances: NDArray[np.int64], ranks: NDArray[np.int64], n_bits: int) -> Ranked:
    """Similarity 1 − 2h / bits of rows found by their distances h."""
    return ranks, rounded(1 - 2 * distances / max(1, n_bits))


def by_tables(bands: Sequence[Band], query: DoubleArray, k: int, n_rows: int) -> Ranked:
    """Cosine of the query, of length 1 or 0, and what rows of code decode to; bands follow one another.

    Cosines of all rows in float32 exclude most of them; those that can be among the k are computed exactly.
    """
    known: KnownProducts = {}
    asked = [band.products(query, known) for band in bands]
    starts = np.cumsum([0, *(len(band.gains) for band in bands)])
    nearly = np.empty(starts[-1], dtype=np.float32)
    for start, stop, band, products in zip(starts[:-1], starts[1:], bands, asked, strict=True):
        if start < n_rows:
            band.cosines(products, nearly[start:stop])
    error = max((products.error for products in asked), default=0.0) + SCORE_SLACK
    ranks = np.flatnonzero(nearly[:n_rows] >= _largest(nearly[:n_rows], k) - 2 * error)
    scores = np.empty(len(ranks))
    owners = np.searchsorted(starts[1:], ranks, side="right")
    for number in np.unique(owners).tolist():
        chosen = np.flatnonzero(owners == number)
        scores[chosen] = _exactly(bands[number], asked[number], ranks[chosen] - starts[number])
    order = np.lexsort((ranks, -scores))[:k]
    return ranks[order], scores[order]


def _largest(cosines: FloatArray, k: int) -> float:
    """Return a number that at least ``k`` cosines reach, and hardly more; −∞ if there are fewer.

    Of many, the largest of each few stand for all: to find the k-th of these takes a fraction of the time.
    """
    n_few = len(cosines) // FEW
    if n_few >= FEW * k:
        cosines = cosines[: n_few * FEW].reshape(n_few, FEW).max(axis=1)
    return float(-np.partition(-cosines, k - 1)[k - 1]) if len(cosines) >= k else -np.inf


def all_by_tables(bands: Sequence[Band], query: DoubleArray, n_rows: int) -> DoubleArray:
    """Return the cosines of :func:`by_tables` for each of the first ``n_rows`` rows, shape (n_rows,)."""
    parts, known = [np.empty(0)], KnownProducts()
    for band in bands:
        products = band.products(query, known)
        parts += [_exactly(band, products, rows) for rows in blocks(len(band.gains))]
    return np.concatenate(parts)[:n_rows]


def _exactly(band: Band, products: Products, rows: RowIds | slice) -> DoubleArray:
    shift = 0.0 if band.shifts is None else products.shift * band.shifts[rows].astype(np.float64)
    return rounded(products.exactly(band.columns[:, rows]) * band.gains[rows] + shift)


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
