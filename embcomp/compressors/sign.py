"""Sign binarization: one threshold per dimension."""

from __future__ import annotations

import numpy as np

from embcomp import bits
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import OneOf, option
from embcomp.compressors.base import CodeLayout, Compressor, Report
from embcomp.compressors.binary import plus_minus
from embcomp.compressors.options import FIT_ROWS
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.exact import total
from embcomp.progress import Progress
from embcomp.threads import map_blocks


class SignCompressor(Compressor):
    """One bit per dimension: 1 if the value is above a threshold, else 0.

    With ``threshold="mean"`` this is LSTM-bin of [Liu 2018, §4.4]: "For each dimension, we calculate the mean and set
    the value to 1 if it is bigger than the mean, otherwise, we set it to -1." With ``"zero"`` it is the sign of the
    value. Values equal to the threshold become 0 (that is, −1).

    Where we differ: the mean is that of ``fit_rows`` rows. We add what the paper does not need: a scale, the mean
    distance of values from their threshold, so that vectors come back as scale · (±1), centred; ``offset`` is the
    thresholds.
    """

    name = "sign"
    summary = "sign of each dimension against its mean or zero (naive baseline)"
    decodes_by_products = False

    threshold: str = option(OneOf("mean", "zero"), "value above which a dimension becomes 1", default="mean")
    fit_rows: int | str = FIT_ROWS

    thresholds_: FloatArray = array("<f4", "dim", offset=True)
    scale_: FloatArray = array("<f4", 1)

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        self.thresholds_ = mean_rows(rows) if self.threshold == "mean" else np.zeros(rows.shape[1], np.float32)

        def distance(block: slice) -> float:
            return float(total(np.abs(rows[block] - self.thresholds_)))

        distances = sum(map_blocks(distance, len(rows)))
        self.scale_ = np.array([distances / max(1, rows.size)], dtype=np.float32)
        return {"fit_rows": len(rows)}

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        return bits.pack(vectors > self.thresholds_)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        return plus_minus(codes, self.dim, self.scale_[0])

    @property
    def bit_directions(self) -> FloatArray:
        """The scale, for each bit in a dimension of its own."""
        return np.full(self.dim, self.scale_[0], dtype=np.float32)

    @property
    def layout(self) -> CodeLayout:
        """One bit per dimension."""
        return CodeLayout("binary", self.dim)
