"""What the binary compressors share: one bit per output dimension, decoded to ± one scale."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from embcomp import bits, kernels
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.compressors.base import CodeLayout, Compressor
from embcomp.compressors.state import array
from embcomp.exact import above_zero, on_grid, unit_below
from embcomp.linear import product
from embcomp.threads import for_blocks

SIGNS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) * 2 - 1
GROUP = 4  # bits whose patterns have a table
PATTERNS = SIGNS_OF_BYTE[: 2**GROUP, 8 - GROUP :]
MOST_IN_TABLES = 2**20  # numbers in a matrix, of whose sums there are four times as many
SMALL_PRODUCT = 2**17  # numbers in a matrix with which BLAS is slower than tables, for many rows
FEW_ROWS = 512
ROUNDED_UP = 1.01  # above what a column of numbers rounded to 24 bits can add up to


class RotationCompressor(Compressor):
    """Codes are sgn((x − mean) (I − PᵀP) W); vectors come back as scale · b Wᵀ.

    W is the *rotation*, shape (dim, n_bits), and P the *removed* directions, shape (n_removed, dim). W has
    orthonormal columns when ``n_bits <= dim``, so that cosines of decoded vectors are cosines of ±1 codes; with
    more bits than dimensions its rows are orthonormal (a tight frame). The sign of 0 is −1. Decoded vectors are
    centred; ``offset`` is the mean.
    """

    loss_kind = "rotation"

    mean_: FloatArray = array("<f4", "dim", offset=True)
    removed_: FloatArray = array("<f4", "removed", "dim", encodes_only=True)
    rotation_: FloatArray = array("<f4", "dim", "bits")
    scale_: FloatArray = array("<f4", 1)

    @property
    def layout(self) -> CodeLayout:
        """One bit per column of W."""
        return CodeLayout("binary", self.extents["bits"])

    def _before_encoding(self) -> None:
        _ = self._projection

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        """The signs of the projections."""
        return bits.pack(above_zero(vectors - self.mean_, self._projection))

    def decode(self, codes: BytesArray, row_ids: RowIds | None = None, grade: int = 0) -> FloatArray:
        """Return scale · b Wᵀ, centred; a few words' vectors on this thread."""
        self._require_fitted()
        native, tables = kernels.native, self._tables
        few = len(codes) <= FEW_ROWS
        if native is None or tables is None or not (few or self._back.size <= SMALL_PRODUCT):
            if len(codes) == 1 and self._back.size <= SMALL_PRODUCT:  # telling BLAS to use one thread takes longer
                one: FloatArray = np.einsum("nb,bd->nd", plus_minus(codes, len(self._back)), self._back)
                return one
            return super().decode(codes, row_ids, grade)
        out = np.empty((len(codes), tables.shape[2]), dtype=np.float32)

        def decode_block(rows: slice) -> None:
            some = out[rows]
            native.signs(np.ascontiguousarray(codes[rows]), tables, some, (len(some), len(tables), tables.shape[2]))

        if few:
            decode_block(slice(None))
        else:
            for_blocks(decode_block, len(codes))
        return out

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        return plus_minus(codes, len(self._back)) @ self._back

    @property
    def bit_directions(self) -> FloatArray:
        """The rows of scale · Wᵀ."""
        self._require_fitted()
        return self._back

    def align(self, vectors: FloatArray) -> FloatArray:
        """Subtract the mean and take out the removed directions, as encoding does."""
        centred: FloatArray = super().align(vectors)
        return (centred - (centred @ self.removed_.T) @ self.removed_).astype(np.float32, copy=False)

    @cached_property
    def _back(self) -> FloatArray:
        """scale · Wᵀ: what ±1 codes are multiplied with, float32, shape (n_bits, dim).

        Rounded to a grid on which all their sums are exact: decoded vectors are the same everywhere.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # `verify` finds states of absurd numbers
            wide = np.multiply(self.rotation_.T, self.scale_[0], dtype=np.float64)
            largest = float(np.abs(wide).sum(axis=0).max(initial=0.0))
            return np.ascontiguousarray(on_grid(wide, unit_below(ROUNDED_UP * largest, 24)), dtype=np.float32)

    @cached_property
    def _tables(self) -> FloatArray | None:
        """Sums of the ± rows of :attr:`_back`, of each four for all patterns of four bits: (⌈n_bits / 4⌉, 16, dim).

        ``None`` if that is too much to keep.
        """
        n_bits, dim = self._back.shape
        if not 0 < n_bits * dim <= MOST_IN_TABLES:
            return None
        padded = np.zeros((-(-n_bits // GROUP) * GROUP, dim), dtype=np.float32)
        padded[:n_bits] = self._back
        tables: FloatArray = np.einsum("pi,gid->gpd", PATTERNS, padded.reshape(-1, GROUP, dim))
        return tables

    @cached_property
    def _projection(self) -> FloatArray:
        """(I − PᵀP) W: what centred vectors are multiplied with before taking signs, float32, shape (dim, n_bits)."""
        if not len(self.removed_):
            return self.rotation_
        along = product(self.removed_, self.rotation_)
        return (self.rotation_ - product(self.removed_.T, along)).astype(np.float32)


def plus_minus(codes: BytesArray, n_bits: int, magnitude: np.float32 | float = 1) -> FloatArray:
    """Return codes as ±``magnitude``, float32, shape (n, n_bits); rows are apart by whole bytes of code."""
    n_rows, n_bytes = codes.shape
    table = SIGNS_OF_BYTE * np.float32(magnitude)
    by_byte = np.take(table, codes, axis=0, mode="clip")  # any mode but "raise" takes without a buffer
    values: FloatArray = by_byte.reshape(n_rows, 8 * n_bytes)[:, :n_bits]
    return values
