"""Storage of weights and codebooks in few bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import AnyArray, FloatArray
from embcomp.compressors.state import State

STORED = {"float32": "<f4", "float16": "<f2", "int8": "|i1"}  # dtypes of the formats
LARGEST = 127  # −128 is not used, so that codes are symmetric


def unit_bytes(weights: str, base_dim: int, dim: int) -> int:
    """Bytes that one hidden unit takes: its row of W₁, its row of W₂ᵀ and, for int8, its scale."""
    size = np.dtype(STORED[weights]).itemsize * (base_dim + dim)
    return size + 4 if weights == "int8" else size


def narrow(inner: FloatArray, outer: FloatArray, weights: str) -> State:
    """Return the arrays to store for W₁ and W₂ᵀ, each of shape (n_units, …).

    int8: each row is divided by its largest magnitude over 127 and rounded. A hidden unit's two divisors are stored
    as one number, their product, because a ReLU passes a positive factor on: max(0, s x) = s max(0, x).
    """
    if weights != "int8":
        dtype = STORED[weights]
        return {"inner": inner.astype(dtype), "outer": outer.astype(dtype)}
    inner_codes, inner_scale = _to_int8(inner)
    outer_codes, outer_scale = _to_int8(outer)
    return {"inner": inner_codes, "outer": outer_codes, "unit_scale": inner_scale * outer_scale}


def widen(inner: AnyArray, outer: AnyArray, unit_scale: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return W₁ and W₂ᵀ, float32, from the stored arrays."""
    wide = outer.astype(np.float32)
    if unit_scale is not None:
        wide *= unit_scale[:, None]
    return inner.astype(np.float32), wide


def narrow_codebooks(codebooks: FloatArray) -> tuple[NDArray[np.int8], FloatArray]:
    """Return codebooks, shape (D, K, d), as int8, and what each is to be multiplied with, float32, shape (D,)."""
    codes, scales = _to_int8(codebooks.reshape(len(codebooks), -1))
    return codes.reshape(codebooks.shape), scales


def _to_int8(rows: FloatArray) -> tuple[NDArray[np.int8], FloatArray]:
    scale = (np.abs(rows).max(axis=1, initial=0) / np.float32(LARGEST)).astype(np.float32)
    scale[scale == 0] = 1  # all numbers are 0, or too small to be scaled
    codes = np.rint(rows / scale[:, None])
    return np.clip(codes, -LARGEST, LARGEST).astype(np.int8), scale
