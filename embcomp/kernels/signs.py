"""Sums of ± rows of a matrix, by the bits of a code: exact, so that their order does not matter."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from embcomp import bits, kernels
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray

GROUP = 5  # bits whose patterns have a table, where the first bit is 1; other patterns are negatives of these
PATTERNS = (
    2 * np.unpackbits(np.arange(16, 32, dtype=np.uint8)[:, None], axis=1)[:, 8 - GROUP :].astype(np.float32) - 1
)
COLUMNS = 16  # of which sums are made at once
FEW_ROWS = 64
MOST_IN_TABLES = 2**20  # numbers in a matrix, of whose sums there are three times as many
SMALL_PRODUCT = 2**17  # numbers in a matrix with which BLAS is slower than tables, for many rows


class SignSums:
    """Decodes rows of bits: Σ ± row *i* of a matrix, 1 for a bit of 1 and −1 for 0.

    Attributes:
        matrix: float32, shape (n_bits, dim); all sums of ± its rows are exact in float32.
    """

    def __init__(self, matrix: FloatArray) -> None:
        self.matrix = matrix

    def __call__(self, stream: BytesArray, width: int, rows: RowIds, out: FloatArray) -> None:
        """Write the sums of some rows of a stream to ``out``, float32, shape (n, dim); further bits do not count."""
        if kernels.native is None or not self.matrix.size:
            self._by_products(stream, width, rows, out)
            return
        if len(rows) > FEW_ROWS:
            sizes = (len(rows), width, self._blocks.shape[1] // GROUP, out.shape[1])
            if kernels.native.many_signs(stream, rows, self._blocks, out, sizes):
                return
            if self.matrix.size > SMALL_PRODUCT:
                self._by_products(stream, width, rows, out)
                return
        if self.matrix.size > MOST_IN_TABLES:
            self._by_products(stream, width, rows, out)
        else:
            kernels.native.signs(stream, rows, self._tables, out, (len(rows), width, len(self._tables), out.shape[1]))

    def _by_products(self, stream: BytesArray, width: int, rows: RowIds, out: FloatArray) -> None:
        signs = bits.unpack(bits.take(stream, width, rows), len(self.matrix)).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            np.matmul(2 * signs - 1, self.matrix, out=out)

    @cached_property
    def _blocks(self) -> FloatArray:
        """The matrix, sixteen columns together, (⌈dim / 16⌉, bits, 16), with zeros up to a multiple of 50 bits."""
        (n_bits, dim), step = self.matrix.shape, 10 * GROUP
        padded = np.zeros((-(-n_bits // step) * step, -(-dim // COLUMNS) * COLUMNS), dtype=np.float32)
        padded[:n_bits, :dim] = self.matrix
        return np.ascontiguousarray(padded.reshape(len(padded), -1, COLUMNS).swapaxes(0, 1))

    @cached_property
    def _tables(self) -> FloatArray:
        """Sums of ± each five rows, for all patterns that start with 1: (⌈n_bits / 5⌉, 16, dim)."""
        n_bits, dim = self.matrix.shape
        padded = np.zeros((-(-n_bits // GROUP) * GROUP, dim), dtype=np.float32)
        padded[:n_bits] = self.matrix
        tables: FloatArray = np.einsum("pi,gid->gpd", PATTERNS, padded.reshape(-1, GROUP, dim))
        return tables
