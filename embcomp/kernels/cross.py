"""Which way signs pull a rotation: Σ w v sgn(v R)ᵀ over rows v of whole numbers and their weights w."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.kernels.codewords import INT16, in_tiles, quick

GROUP = 4  # sums of so many dimensions are found together
MOST_ROWS = 2048


def signs_cross(rows: FloatArray, weighted: FloatArray, rotation: FloatArray) -> NDArray[np.floating]:
    """Return the sum over some rows, exact, shape (k, n_bits); sgn 0 = 1.

    Args:
        rows: v, whole numbers, float32, shape (n, k); lengths times those of the columns of R are below 2²⁴.
        weighted: w v, whole numbers, float32, shape (n, k), of which no sum of n exceeds 2²⁴.
        rotation: R, whole numbers, float32, shape (k, n_bits).
    """
    k, n_bits = rotation.shape
    native = quick()
    if native is None or len(rows) > MOST_ROWS or np.abs(rotation).max(initial=0) >= INT16:
        signs = rows @ rotation
        to_signs(signs)
        return weighted.T @ signs
    tiles = in_tiles(rotation.T[None])
    sums = np.zeros((-(-k // GROUP) * GROUP, tiles.shape[1] * tiles.shape[3]), dtype=np.int32)
    native.cross(rows, np.ascontiguousarray(weighted), tiles, sums, (*rows.shape, sums.shape[1]))
    return sums[:k, :n_bits]


def to_signs(values: FloatArray) -> None:
    """Replace whole numbers by 1 and −1 with their sign, in place; 0 by 1. ``copysign`` takes five times as long."""
    values += np.float32(0.5)  # whether a product's zero is 0 or −0 is the library's choice
    pattern = values.view(np.uint32)
    pattern &= np.uint32(0x80000000)
    pattern |= np.float32(1).view(np.uint32)
