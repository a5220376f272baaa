"""Naive sign binarization: one threshold per dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.checks import OneOf, Option
from embcomp.compressors.base import CodeLayout, Compressor, State, Summary, state_array
from embcomp.compressors.binary import head, plus_minus_ones
from embcomp.embedding import FloatMatrix, mean_rows
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, map_blocks


class SignCompressor(Compressor):
    """One bit per dimension: 1 if the value is above a threshold, else 0.

    With ``threshold="mean"`` this is LSTM-bin of binarized-lstm-language-model.txt §4.4: "For each dimension, we
    calculate the mean and set the value to 1 if it is bigger than the mean, otherwise, we set it to -1." With
    ``"zero"`` it is the sign of the value. Values equal to the threshold become 0 (that is, −1).

    We add what the paper does not need: a scale, the mean distance of values from their threshold, so that vectors
    come back as scale · (±1), centred; ``offset`` is the thresholds.

    Attributes:
        thresholds_: float32, shape (dim,).
        scale_: float32, shape (1,).
    """

    name = "sign"
    summary = "sign of each dimension against its mean or zero (naive baseline)"
    options = (Option("threshold", OneOf("mean", "zero"), "mean", "value above which a dimension becomes 1"),)

    thresholds_: NDArray[np.float32]
    scale_: NDArray[np.float32]

    def __init__(self, threshold: str = "mean") -> None:
        self.threshold = threshold

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Learn thresholds and scale from all rows."""
        self._require_matrix(vectors)
        head(self.name, vectors, "all")
        dim = vectors.shape[1]
        self.thresholds_ = mean_rows(vectors) if self.threshold == "mean" else np.zeros(dim, np.float32)

        def distance(rows: slice) -> float:
            return float(np.abs(vectors[rows] - self.thresholds_).sum(dtype=np.float64))

        total = sum(map_blocks(distance, len(vectors)))
        self.scale_ = np.array([total / max(1, vectors.size)], dtype=np.float32)
        return self

    def fit_summary(self, summary: Summary, progress: Progress = no_progress) -> Self:
        """Learn thresholds from the mean of all rows (the same as ``fit``), and the scale from a sample of them."""
        self.fit(summary.sample, progress)
        if self.threshold == "mean":
            self.thresholds_ = summary.mean
        return self

    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Compare with the thresholds."""
        self._require_fitted("thresholds_")
        self._require_dim(vectors)
        out = np.empty((len(vectors), bits.row_bytes(self.dim)), dtype=np.uint8)

        def encode_block(rows: slice) -> None:
            out[rows] = bits.pack(vectors[rows] > self.thresholds_)

        for_blocks(encode_block, len(vectors))
        return out

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return scale · (±1)."""
        self._require_fitted("thresholds_")
        out = np.empty((len(codes), self.dim), dtype=np.float32)

        def decode_block(rows: slice) -> None:
            np.multiply(plus_minus_ones(codes[rows], self.dim), self.scale_[0], out=out[rows])

        for_blocks(decode_block, len(codes))
        return out

    @property
    def codewords(self) -> NDArray[np.float32]:
        """A bit adds the scale in its own dimension, or takes it away."""
        back = np.diag(np.full(self.dim, self.scale_[0], dtype=np.float32))
        return np.stack([-back, back], axis=1)

    @property
    def dim(self) -> int:
        """As many as thresholds."""
        self._require_fitted("thresholds_")
        return len(self.thresholds_)

    @property
    def layout(self) -> CodeLayout:
        """One bit per dimension."""
        return CodeLayout("binary", self.dim)

    @property
    def offset(self) -> NDArray[np.float32]:
        """The thresholds."""
        self._require_fitted("thresholds_")
        return self.thresholds_

    def get_state(self) -> State:
        """Return thresholds and scale."""
        self._require_fitted("thresholds_")
        return {"thresholds": self.thresholds_, "scale": self.scale_}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take thresholds and scale."""
        self.thresholds_ = state_array(state, "thresholds", "<f4", None)
        self.scale_ = state_array(state, "scale", "<f4", 1)
