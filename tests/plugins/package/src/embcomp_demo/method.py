"""Rounding: each number as one of 256 or 16 steps between the largest magnitudes of its dimension."""

from __future__ import annotations

import numpy as np

from embcomp import Compressor, bits
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Either, OneOf, Real, option
from embcomp.compressors.base import CodeLayout, Report
from embcomp.compressors.state import array
from embcomp.progress import Progress


class RoundingCompressor(Compressor):
    """One symbol per dimension."""

    name = "rounding"
    summary = "numbers rounded to 256 or 16 steps"

    format: str = option(OneOf("int8", "int4"), "how a number is stored", default="int8")
    limit: float | str = option(
        Either(Real(0, open_ends=True), OneOf("auto")), "largest magnitude that is kept", default="auto"
    )
    steps: str = option(OneOf("even"), "how far apart the steps of `format` are", default="even")

    limits_: FloatArray = array("<f4", "dim")

    @property
    def ways(self) -> int:
        return {"int8": 256, "int4": 16}[self.format]

    @property
    def layout(self) -> CodeLayout:
        return CodeLayout.of_symbols(self.dim, self.ways)

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        largest = np.abs(rows).max(axis=0, initial=1e-9)
        self.limits_ = largest if self.limit == "auto" else np.full(rows.shape[1], self.limit, np.float32)
        return {"clipped": int((np.abs(rows) > self.limits_).sum())}

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        shares = np.clip(vectors / self.limits_, -1, 1)
        symbols = np.round((shares + 1) / 2 * (self.ways - 1)).astype(np.uint32)
        return bits.pack_symbols(symbols, self.layout.symbol_bits)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        symbols = bits.unpack_symbols(codes, self.dim, self.layout.symbol_bits).astype(np.float32)
        return (2 * symbols / np.float32(self.ways - 1) - 1) * self.limits_
