"""What the binary compressors share: one bit per output dimension, decoded to ± one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.compressors.base import CodeLayout, Compressor, State, state_array
from embcomp.embedding import FloatMatrix
from embcomp.errors import ParameterError
from embcomp.threads import for_blocks

SIGNS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) * 2 - 1
SMALL_PRODUCT = 2**15  # numbers in a matrix, for one row: less time than it takes to tell BLAS to use one thread


class RotationCompressor(Compressor):
    """Codes are sgn((x − mean) (I − PᵀP) W); vectors come back as scale · b Wᵀ.

    W is the *rotation*, shape (dim, n_bits), and P the *removed* directions, shape (n_removed, dim). W has
    orthonormal columns when ``n_bits <= dim``, so that cosines of decoded vectors are cosines of ±1 codes; with
    more bits than dimensions its rows are orthonormal (a tight frame). The sign of 0 is −1. Decoded vectors are
    centred; ``offset`` is the mean.

    Subclasses fit ``mean_``, ``removed_``, ``rotation_``, ``scale_``, ``losses_`` and ``singular_values_``.
    """

    mean_: NDArray[np.float32]
    removed_: NDArray[np.float32]
    rotation_: NDArray[np.float32]
    scale_: NDArray[np.float32]
    losses_: NDArray[np.float32]
    singular_values_: NDArray[np.float32]

    _back_of: tuple[tuple[NDArray[np.float32], ...], NDArray[np.float32]] | None = None
    """The last :attr:`_back` and the arrays it was computed from: one word's vector takes less time than it does."""

    @property
    def dim(self) -> int:
        """Rows of W."""
        self._require_fitted("rotation_")
        return int(self.rotation_.shape[0])

    @property
    def layout(self) -> CodeLayout:
        """One bit per column of W."""
        self._require_fitted("rotation_")
        return CodeLayout("binary", int(self.rotation_.shape[1]))

    @property
    def offset(self) -> NDArray[np.float32]:
        """The mean that was subtracted."""
        self._require_fitted("mean_")
        return self.mean_

    @property
    def decode_state(self) -> frozenset[str]:
        """Vectors come back from W, the scale and the mean."""
        return frozenset({"rotation", "scale", "mean"})

    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Return the signs of the projections."""
        self._require_fitted("rotation_")
        self._require_dim(vectors)
        out = np.empty((len(vectors), bits.row_bytes(self.layout.row_bits)), dtype=np.uint8)
        projection = self._projection()

        def encode_block(rows: slice) -> None:
            require_moderate(self.name, vectors[rows])
            out[rows] = bits.pack((vectors[rows] - self.mean_) @ projection > 0)

        for_blocks(encode_block, len(vectors))
        return out

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return scale · b Wᵀ, centred."""
        back = self._back
        if len(codes) == 1 and back.size <= SMALL_PRODUCT:
            one: FloatMatrix = np.einsum("nb,bd->nd", plus_minus_ones(codes, len(back)), back)
            return one
        out = np.empty((len(codes), back.shape[1]), dtype=np.float32)

        def decode_block(rows: slice) -> None:
            np.matmul(plus_minus_ones(codes[rows], len(back)), back, out=out[rows])

        for_blocks(decode_block, len(codes))
        return out

    @property
    def codewords(self) -> NDArray[np.float32]:
        """A bit adds its row of scale · Wᵀ, or takes it away."""
        return np.stack([-self._back, self._back], axis=1)

    def align(self, vectors: FloatMatrix) -> FloatMatrix:
        """Subtract the mean and take out the removed directions, as encoding does."""
        centred: FloatMatrix = super().align(vectors)
        return (centred - (centred @ self.removed_.T) @ self.removed_).astype(np.float32, copy=False)

    @property
    def _back(self) -> NDArray[np.float32]:
        """scale · Wᵀ: what ±1 codes are multiplied with, float32, shape (n_bits, dim)."""
        self._require_fitted("rotation_")
        parts = (self.rotation_, self.scale_)
        if self._back_of is None or any(old is not new for old, new in zip(self._back_of[0], parts, strict=True)):
            self._back_of = (parts, np.ascontiguousarray(self.scale_[0] * self.rotation_.T))
        return self._back_of[1]

    def get_state(self) -> State:
        """Return every fitted array."""
        self._require_fitted("rotation_")
        return {
            "mean": self.mean_,
            "removed": self.removed_,
            "rotation": self.rotation_,
            "scale": self.scale_,
            "losses": self.losses_,
            "singular_values": self.singular_values_,
        }

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take fitted arrays."""
        self.mean_ = state_array(state, "mean", "<f4", None)
        dim = len(self.mean_)
        self.removed_ = state_array(state, "removed", "<f4", None, dim)
        self.rotation_ = state_array(state, "rotation", "<f4", dim, None)
        self.scale_ = state_array(state, "scale", "<f4", 1)
        self.losses_ = state_array(state, "losses", "<f4", None)
        self.singular_values_ = state_array(state, "singular_values", "<f4", dim)

    def _projection(self) -> NDArray[np.float32]:
        """(I − PᵀP) W: what centred vectors are multiplied with before taking signs."""
        rotation = self.rotation_.astype(np.float64)
        removed = self.removed_.astype(np.float64)
        return (rotation - removed.T @ (removed @ rotation)).astype(np.float32)


def plus_minus_ones(codes: BytesArray, n_bits: int) -> FloatMatrix:
    """Return codes as −1 and +1, float32, shape (n, n_bits); rows are apart by whole bytes of code."""
    n_rows, n_bytes = codes.shape
    by_byte = np.take(SIGNS_OF_BYTE, codes, axis=0, mode="clip")  # any mode but "raise" takes without a buffer
    values: FloatMatrix = by_byte.reshape(n_rows, 8 * n_bytes)[:, :n_bits]
    return values


MAX_MAGNITUDE = 1e15  # of a number: its square, summed over a block of rows, is still far from float32's 3.4e38


def require_moderate(name: str, vectors: FloatMatrix) -> None:
    """Refuse numbers that float32 products of rows cannot hold.

    Raises:
        ParameterError: one is NaN, or above ``MAX_MAGNITUDE`` in magnitude.
    """
    low, high = float(vectors.min(initial=0)), float(vectors.max(initial=0))
    if not (low >= -MAX_MAGNITUDE and high <= MAX_MAGNITUDE):  # so written, NaN is refused too
        raise ParameterError(
            f"{name}: vectors must hold numbers of at most {MAX_MAGNITUDE:g} in magnitude, got {low:g} to {high:g}"
        )


def head(name: str, vectors: FloatMatrix, fit_rows: int | str) -> FloatMatrix:
    """Return the rows to fit on: the first ``fit_rows`` (files are in order of frequency), or ``"all"``.

    Raises:
        ParameterError: one of them holds a number out of bounds, see :func:`require_moderate`.
    """
    chosen = vectors if isinstance(fit_rows, str) else vectors[:fit_rows]
    require_moderate(name, chosen)
    return chosen
