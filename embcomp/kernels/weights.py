"""The rows of largest similarity to a query of floats, for codes of bits.

It is (Σ_i ±weights[i]) · inverse, + where bit i of the row is 1. The largest possible sum has the weights' own signs,
and each bit that differs from them costs 2 |weight|. The extension first sums costs with weights rounded to a few
bits, whose error is known, and computes the rows exactly that this does not exclude. NumPy computes all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TypeAlias

import numpy as np

from embcomp import kernels
from embcomp.arrays import DoubleArray, FloatArray, UInt64Array
from embcomp.bits import BytesArray
from embcomp.kernels.hamming import MOST_LANES, as_lanes
from embcomp.kernels.sums import byte_tables, exact_sums, rounded
from embcomp.shortlist import Ranked, Shortlist
from embcomp.threads import blocks

Inverse: TypeAlias = float | FloatArray
"""1 / length of each row: one number if all rows have one length, else of shape (n,). Queries have length 1."""

ONE_SIZE = 1e-5  # relative: far above float32's rounding, far below what separates real weights


def by_weights(lanes: UInt64Array, weights: DoubleArray, inverse: Inverse, k: int) -> Ranked:
    """Return the ``k`` rows of largest similarity, of equals the first, and their similarities.

    Args:
        lanes: codes by rank, uint64, shape (n, n_lanes), C order, see :mod:`embcomp.kernels.hamming`.
        weights: what each bit adds or takes away, shape (bits,).
        inverse: what sums are multiplied with, at least 0.
        k: at least 1; fewer are returned if there are fewer rows.
    """
    weights = _of_one_size(weights)
    k = min(k, len(lanes))
    if kernels.native is not None and k and 0 < lanes.shape[1] <= MOST_LANES:
        return _in_c(kernels.native, lanes, weights, inverse, k)
    nearest = Shortlist(max(1, k))
    for rows in blocks(len(lanes)):
        nearest.offer(-_scores(lanes[rows], weights, _of(inverse, rows)), rows.start)
    return nearest.best()


def all_by_weights(lanes: UInt64Array, weights: DoubleArray, inverse: Inverse) -> DoubleArray:
    """Return the similarities of :func:`by_weights` for each row, shape (n,)."""
    weights = _of_one_size(weights)
    parts = [_scores(lanes[rows], weights, _of(inverse, rows)) for rows in blocks(len(lanes))]
    return np.concatenate([np.empty(0), *parts])


def _scores(lanes: UInt64Array, weights: DoubleArray, inverse: Inverse) -> DoubleArray:
    codes = lanes.view(np.uint8)[:, : -(-len(weights) // 8)]
    return rounded(exact_sums(list(byte_tables(weights)), codes) * inverse)


def _in_c(native: ModuleType, lanes: UInt64Array, weights: DoubleArray, inverse: Inverse, k: int) -> Ranked:
    magnitudes = np.abs(weights)
    coarse = BitWeights.choose(magnitudes)
    tables = byte_tables(weights)
    signs: BytesArray = np.packbits(weights > 0)[None, :]
    scores, ranks = np.empty(k), np.empty(k, dtype=np.int64)
    of_each = np.empty(0, np.float32) if isinstance(inverse, float) else inverse
    sizes = (*lanes.shape, len(coarse.masks), len(tables), k)
    numbers = (float(magnitudes.sum()), coarse.step, coarse.below, float(np.max(inverse)))
    native.weights(lanes, as_lanes(signs), coarse.masks, tables, of_each, scores, ranks, sizes, numbers)
    return ranks, scores


@dataclass(frozen=True)
class BitWeights:
    """Weights of bits, rounded to multiples of a step that are sums of powers of two: Σ_p 2^p · masks[p].

    A weighted sum over a row's differing bits is then a few population counts, and off by a known amount.

    Attributes:
        masks: uint64, shape (n_planes, n_lanes), for the largest power first.
        step: what one unit of the rounded weights stands for.
        below: Σ of the weights' errors that are negative, as a positive number:
            step · (rounded sum) − below ≤ exact sum.
    """

    masks: UInt64Array
    step: float
    below: float

    @classmethod
    def round(cls, weights: DoubleArray, n_planes: int) -> BitWeights:
        """Round ``weights``, float64 of at least 0, shape (n_bits,), to ``n_planes`` planes with the least error."""
        largest = float(weights.max(initial=0.0))
        top = 2**n_planes - 1
        steps = largest / top * STEP_FRACTIONS if largest > 0 else np.ones(1)
        rounded = np.minimum(np.rint(weights / steps[:, None]), top)
        errors = weights - rounded * steps[:, None]
        best = int(np.abs(errors).sum(axis=1).argmin())
        planes = np.arange(n_planes - 1, -1, -1)
        bits = (rounded[best].astype(np.int64) >> planes[:, None]) & 1
        error = errors[best]
        return cls(
            masks=as_lanes(np.packbits(bits.astype(np.uint8), axis=1)),
            step=float(steps[best]),
            below=float(-error[error < 0].sum()),
        )

    @classmethod
    def choose(cls, weights: DoubleArray) -> BitWeights:
        """Round with as few planes as leave few rows undecided; one is enough for weights that are equal."""
        length = float(np.sqrt((weights**2).sum()))
        for n_planes, allowed in ALLOWED_ERRORS.items():
            rounded = cls.round(weights, n_planes)
            if rounded.below <= allowed * length:
                break
        return rounded


STEP_FRACTIONS = np.linspace(1.0, 0.4, 13)  # of the step that reaches the largest weight
ALLOWED_ERRORS = {1: 1e-3, 2: 0.4, 3: np.inf}  # of ‖weights‖; measured to be fastest for 100 to 384 bits


def _of_one_size(weights: DoubleArray) -> DoubleArray:
    """Remove float32's rounding from weights that are all ± one number, as those of a decoded code are.

    Rows that differ from it in equally many bits then have equal scores.
    """
    magnitudes = np.abs(weights)
    middle = float(magnitudes.mean()) if len(weights) else 0.0
    if np.abs(magnitudes - middle).max(initial=0.0) > ONE_SIZE * middle:
        return weights
    return np.copysign(middle, weights)


def _of(inverse: Inverse, rows: slice) -> Inverse:
    return inverse if isinstance(inverse, float) else inverse[rows]
