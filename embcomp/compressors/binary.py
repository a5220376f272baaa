"""What the binary compressors share: a row of signs, and after them the row's length where it is kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.compressors import lengths
from embcomp.compressors.base import CodeLayout, Compressor, Report
from embcomp.compressors.state import array
from embcomp.errors import CorruptError
from embcomp.threads import map_blocks

SIGNS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) * 2 - 1


class SignCodes(Compressor):
    """Base of codes of signs, which lose the length of a row: it may follow in a few bits.

    A method writes ``n_signs`` and ``_of_signs``. Where lengths are kept, vectors come back as long as the level that
    is nearest to their own length.

    Attributes:
        length_levels_: what the symbol of a length stands for; none where lengths are not kept.
    """

    length_levels_: FloatArray = array("<f4", "length_levels")

    @property
    @abstractmethod
    def n_signs(self) -> int:
        """Signs in a row of code."""

    @abstractmethod
    def _of_signs(self, codes: BytesArray) -> FloatArray:
        """Return the vectors of some codes, without the lengths of their rows."""

    @property
    def layout(self) -> CodeLayout:
        """One bit for each sign; those of the length."""
        return CodeLayout("binary", self.n_signs, 1, self._length_bits)

    @property
    def _length_bits(self) -> int:
        self._require_fitted()
        return max(0, len(self.length_levels_).bit_length() - 1)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        vectors = self._of_signs(codes)
        return self._lengthened(vectors, codes, self.n_signs) if self._length_bits else vectors

    def _lengthened(self, vectors: FloatArray, codes: BytesArray, n_signs: int) -> FloatArray:
        """Scale vectors to the lengths in their codes, in place."""
        ends = codes[:, n_signs // 8 : bits.row_bytes(n_signs + self._length_bits)]
        symbol_bits = bits.unpack(ends, n_signs % 8 + self._length_bits)[:, n_signs % 8 :]
        symbols = symbol_bits @ (1 << np.arange(self._length_bits)[::-1])
        long = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        vectors *= np.divide(self.length_levels_[symbols], long, out=np.zeros_like(long), where=long > 0)[:, None]
        return vectors

    def _check_state(self) -> None:
        """Check that there are as many lengths as bits have values."""
        if len(self.length_levels_) not in (0, 2**self._length_bits):
            raise CorruptError(f"state 'length_levels' must have 0 or 2^b numbers, got {len(self.length_levels_)}")
        if (self.length_levels_ < 0).any() or self._length_bits > lengths.MOST_BITS:
            raise CorruptError(
                f"state 'length_levels' must be up to 2^{lengths.MOST_BITS} numbers of at least 0, "
                f"got {len(self.length_levels_)} from {self.length_levels_.min(initial=0):g}"
            )


class BinaryCompressor(SignCodes):
    """Base of methods that turn vectors into signs.

    A method writes ``_signs`` and ``_centred`` too, and calls ``_learn_lengths`` in its fit.
    """

    lengths: int | str

    @abstractmethod
    def _signs(self, vectors: FloatArray) -> NDArray[np.bool_]:
        """Return the signs of some vectors, shape (n, n_signs): true for 1, false for −1."""

    @abstractmethod
    def _centred(self, vectors: FloatArray) -> tuple[DoubleArray, DoubleArray]:
        """Return what lengths are of: rows of whole numbers, float64, and the unit of each."""

    def _learn_lengths(self, rows: FloatArray) -> Report:
        """Choose the levels of lengths, if these are to be kept; return the bits of each."""
        self.length_levels_ = np.zeros(0, dtype=np.float32)
        if self.lengths == 0:
            return {}
        long = row_lengths(lambda block: self._centred(rows[block]), len(rows))
        n_bits = lengths.chosen_bits(self.lengths, long, rows.shape[1])
        if n_bits and long.max(initial=0) > 0:
            self.length_levels_ = lengths.length_levels(long, n_bits)
        return {"length_bits": n_bits} if len(self.length_levels_) else {}

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        """The signs, and the lengths."""
        return self._with_lengths(self._signs(vectors), vectors)

    def _with_lengths(self, signs: NDArray[np.bool_], vectors: FloatArray) -> BytesArray:
        if not self._length_bits:
            return bits.pack(signs)
        long = row_lengths(lambda block: self._centred(vectors[block]), len(vectors))
        symbols = lengths.nearest_lengths(long, self.length_levels_)[:, None]
        return bits.pack_fields([(signs.astype(np.uint8), 1), (symbols, self._length_bits)], len(vectors))


def row_lengths(whole_rows: Callable[[slice], tuple[DoubleArray, DoubleArray]], n_rows: int) -> DoubleArray:
    """Return lengths of rows, float64, shape (n_rows,), the same on every processor.

    ``whole_rows`` gives blocks of rows as whole numbers, float64, and the unit of each.
    """

    def of_block(rows: slice) -> DoubleArray:
        whole, unit = whole_rows(rows)
        long: DoubleArray = np.sqrt(np.einsum("nd,nd->n", whole, whole)) * unit
        return long

    return np.concatenate([np.zeros(0), *map_blocks(of_block, n_rows)])


def plus_minus(codes: BytesArray, n_bits: int, magnitude: np.float32 | float = 1) -> FloatArray:
    """Return codes as ±``magnitude``, float32, shape (n, n_bits); rows are apart by whole bytes of code."""
    n_rows, n_bytes = codes.shape
    table = SIGNS_OF_BYTE * np.float32(magnitude)
    by_byte = np.take(table, codes, axis=0, mode="clip")  # any mode but "raise" takes without a buffer
    values: FloatArray = by_byte.reshape(n_rows, 8 * n_bytes)[:, :n_bits]
    return values
