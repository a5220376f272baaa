"""Rows of least Hamming distance.

*lanes* are codes padded with zero bits to words of 64 bits: uint64, shape (n, n_lanes). The order of bits and bytes
within a word does not matter, as long as it is the same everywhere: distances count bits.
"""

from __future__ import annotations

import numpy as np

from embcomp import kernels
from embcomp.arrays import DoubleArray, RowIds, UInt64Array
from embcomp.bits import BytesArray
from embcomp.shortlist import Shortlist
from embcomp.threads import blocks

WORD_BYTES = 8
MOST_LANES = 4096  # that the extension takes
STEP_ROWS = 32768  # of NumPy's loop: words of 256 kB, a few of which fit the second-level cache


def as_lanes(loose: BytesArray) -> UInt64Array:
    """Pad loose rows (:mod:`embcomp.bits`) with zeros to whole words; no copy where they are whole words already."""
    n_rows, n_bytes = loose.shape
    if n_bytes % WORD_BYTES == 0 and loose.flags.c_contiguous:
        lanes = loose.view(np.uint64)
        if lanes.flags.aligned:
            return lanes
    padded = np.zeros((n_rows, -(-n_bytes // WORD_BYTES) * WORD_BYTES), dtype=np.uint8)
    padded[:, :n_bytes] = loose
    return padded.view(np.uint64)


def hamming_nearest(lanes: UInt64Array, queries: UInt64Array, k: int) -> tuple[RowIds, RowIds]:
    """Return Hamming distances and ranks of the ``k`` rows nearest to each query.

    Args:
        lanes: uint64, shape (n, n_lanes), C order; any without the extension, which is fastest in Fortran order.
        queries: uint64, shape (q, n_lanes), C order.
        k: at least 1.

    Returns:
        int64, shape (q, min(k, n)): ordered by (distance, rank).
    """
    n_rows, n_lanes = lanes.shape
    k = min(k, n_rows)
    scores, ranks = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.int64)
    if kernels.native is not None and k and 0 < n_lanes <= MOST_LANES:
        kernels.native.hamming(lanes, queries, scores, ranks, (n_rows, len(queries), n_lanes, k))
    elif k:
        for query, own_scores, own_ranks in zip(queries, scores, ranks, strict=True):
            own_ranks[:], own_scores[:] = _nearest(lanes, query, k)
    return (-scores).astype(np.int64), ranks


def _nearest(lanes: UInt64Array, query: UInt64Array, k: int) -> tuple[RowIds, DoubleArray]:
    nearest, largest = Shortlist(k), np.min_scalar_type(64 * len(query))
    different = np.empty(min(STEP_ROWS, len(lanes)), dtype=np.uint64)
    counts = np.empty(len(different), dtype=np.uint8)
    for rows in blocks(len(lanes), STEP_ROWS):
        n_rows = rows.stop - rows.start
        distances = np.zeros(n_rows, dtype=largest)
        for column, one in zip(lanes[rows].T, query, strict=True):
            np.bitwise_xor(column, one, out=different[:n_rows])
            distances += np.bitwise_count(different[:n_rows], out=counts[:n_rows])
        nearest.offer(distances, rows.start)
    return nearest.best()
