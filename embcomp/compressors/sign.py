"""Sign binarization: one threshold per dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.bits import BytesArray
from embcomp.checks import OneOf, option
from embcomp.compressors.base import Report
from embcomp.compressors.binary import plus_minus
from embcomp.compressors.layered import LayeredCompressor, graded, plain
from embcomp.compressors.options import FIT_ROWS, GRADE, LENGTHS
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.errors import CorruptError
from embcomp.exact import total, whole_rows
from embcomp.progress import Progress
from embcomp.threads import map_blocks


class SignCompressor(LayeredCompressor):
    """One bit per dimension: 1 if the value is above a threshold, else 0.

    With ``threshold="mean"`` this is LSTM-bin of [Liu 2018, §4.4]: "For each dimension, we calculate the mean and set
    the value to 1 if it is bigger than the mean, otherwise, we set it to -1." With ``"zero"`` it is the sign of the
    value. Values equal to the threshold become 0 (that is, −1).

    Where we differ: the mean is that of ``fit_rows`` rows. We add what the paper does not need: a scale, the mean
    distance of values from their threshold, so that vectors come back as scale · (±1), centred; ``offset`` is the
    thresholds.

    With a grade, signs are of the dimensions that vary most, and further ones of what is left of them
    (:mod:`embcomp.compressors.layered`).

    Attributes:
        axes_: the dimension of each sign of a graded code.
    """

    name = "sign"
    summary = "sign of each dimension against its mean or zero (naive baseline)"
    decodes_by_products = False
    bits = "dim"

    threshold: str = option(OneOf("mean", "zero"), "value above which a dimension becomes 1", default="mean")
    grade: float | str = GRADE
    lengths: int | str = LENGTHS
    fit_rows: int | str = FIT_ROWS

    thresholds_: FloatArray = array("<f4", "dim", offset=True)
    scale_: FloatArray = array("<f4", 1, when=plain)
    axes_: NDArray[np.uint32] = array("<u4", "signs", when=graded)

    def _fit_plain(self, rows: FloatArray, progress: Progress) -> Report:
        self._learn_origin(rows)

        def distance(block: slice) -> float:
            return float(total(np.abs(rows[block] - self.thresholds_)))

        distances = sum(map_blocks(distance, len(rows)))
        self.scale_ = np.array([distances / max(1, rows.size)], dtype=np.float32)
        return {"fit_rows": len(rows)}

    def _learn_origin(self, head: FloatArray) -> tuple[Report, None]:
        self.thresholds_ = mean_rows(head) if self.threshold == "mean" else np.zeros(head.shape[1], np.float32)
        return {}, None

    def _no_directions(self, dim: int) -> None:
        self.axes_ = np.zeros(0, dtype=np.uint32)

    def _learn_layer(self, rest: FloatArray, n_signs: int, progress: Progress) -> None:
        """Take the dimensions along which rows are longest."""
        squares = np.square(rest, dtype=np.float64).sum(axis=0)
        self.axes_ = np.concatenate([self.axes_, np.argsort(-squares, kind="stable")[:n_signs].astype(np.uint32)])

    def _whole_directions(self, signs: slice) -> tuple[DoubleArray, DoubleArray]:
        axes = self.axes_[signs]
        whole = np.zeros((len(axes), len(self.thresholds_)))
        whole[np.arange(len(axes)), axes] = 1
        return whole, np.ones(len(axes))

    def _signs(self, vectors: FloatArray) -> NDArray[np.bool_]:
        above: NDArray[np.bool_] = vectors > self.thresholds_
        return above

    def _of_signs(self, codes: BytesArray) -> FloatArray:
        return plus_minus(codes, self.dim, self.scale_[0])

    def _centred(self, vectors: FloatArray) -> tuple[DoubleArray, DoubleArray]:
        return whole_rows(vectors - self.thresholds_)

    def _check_state(self) -> None:
        """Check that dimensions are within the vectors."""
        super()._check_state()
        if graded(self) and self.axes_.max(initial=0) >= self.dim:
            raise CorruptError(f"state 'axes' must be below {self.dim}, got {self.axes_.max()}")

    @property
    def bit_directions(self) -> FloatArray | None:
        """The scale, for each bit in a dimension of its own."""
        return np.full(self.dim, self.scale_[0], dtype=np.float32) if plain(self) else None

    @property
    def n_signs(self) -> int:
        """One per dimension."""
        return self.dim
