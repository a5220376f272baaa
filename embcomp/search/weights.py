"""Weights of bits, rounded so that a weighted sum over the bits of a row is a few population counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embcomp.arrays import DoubleArray, UInt64Array
from embcomp.kernels.hamming import as_lanes


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
ALLOWED_ERRORS = {1: 1e-3, 2: 0.4, 3: 0.6, 4: np.inf}  # of ‖weights‖; measured to be fastest for 100 to 384 bits
