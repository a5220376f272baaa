"""Hamming distances of rows of 64-bit words: the nearest rows, and weighted distances to all.

*lanes* are codes padded with zero bits to words of 64 bits: uint64, shape (n, n_lanes). The order of bits and bytes
within a word does not matter, as long as it is the same everywhere: distances count bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import RowIds, UInt64Array
from embcomp.bits import BytesArray

WORD_BYTES = 8
RANK_BITS = 40
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
    """Return Hamming distances and row numbers of the ``k`` rows nearest to each query.

    Args:
        lanes: uint64, shape (n, n_lanes), C order.
        queries: uint64, shape (q, n_lanes), C order.
        k: at least 0.

    Returns:
        int64, shape (q, min(k, n)): ordered by (distance, row number).
    """
    n_rows, n_lanes = lanes.shape
    k = min(k, n_rows)
    keys = np.empty((len(queries), k), dtype=np.uint64)
    if k and n_lanes and kernels.native is not None:
        kernels.native.hamming(lanes, queries, keys, n_rows, len(queries), n_lanes, k)
        keys.sort(axis=1)
    elif k:
        for query, own in zip(queries, keys, strict=True):
            own[:] = _least_keys(lanes, query, k)
    found = keys.view(np.int64)
    return found >> RANK_BITS, found & ((1 << RANK_BITS) - 1)


def weighted_costs(lanes: UInt64Array, query: UInt64Array, masks: UInt64Array) -> NDArray[np.uint32]:
    """Return Σ_p 2^(P−1−p) · (number of bits of masks[p] in which a row differs from ``query``).

    Args:
        lanes: uint64, shape (n, n_lanes), C order.
        query: uint64, shape (n_lanes,).
        masks: uint64, shape (P, n_lanes), C order; P from 1 to 8.

    Returns:
        uint32, shape (n,).
    """
    n_rows, n_lanes = lanes.shape
    costs = np.zeros(n_rows, dtype=np.uint32)
    if n_lanes and kernels.native is not None:
        kernels.native.weighted(lanes, query, masks, costs, n_rows, n_lanes, len(masks))
        return costs
    for mask in masks:
        costs <<= np.uint32(1)
        for column, one, kept in zip(lanes.T, query, mask, strict=True):
            costs += np.bitwise_count((column ^ one) & kept)
    return costs


def _least_keys(lanes: UInt64Array, query: UInt64Array, k: int) -> UInt64Array:
    """Return the ``k`` least of distance · 2^RANK_BITS + row number, ascending."""
    least = np.empty(0, dtype=np.uint64)
    for first in range(0, len(lanes), STEP_ROWS):
        step = lanes[first : first + STEP_ROWS]
        distances = np.zeros(len(step), dtype=np.uint64)
        for column, one in zip(step.T, query, strict=True):
            distances += np.bitwise_count(column ^ one)
        ranks = np.arange(first, first + len(step), dtype=np.uint64)
        keys = distances << np.uint64(RANK_BITS) | ranks
        if len(least) == k:
            keys = keys[keys < least[-1]]
        least = np.sort(np.concatenate([least, keys]))[:k]
    return least
