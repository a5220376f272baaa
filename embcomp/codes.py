"""Codes of all rows, in bands of ranks that may differ in width.

A row is the rank of its word. A band is a range of rows whose codes have one layout; it starts where the one before
it ends. Its codes are a stream of bits of its own (see :mod:`embcomp.bits`), so that where a row's code starts is
arithmetic. Most methods have one band.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.compressors.base import CodeLayout
from embcomp.errors import ParameterError

Rows = NDArray[np.int64]


class Band(NamedTuple):
    """Rows with one layout of code: from the end of the band before up to, and without, ``end``."""

    end: int
    layout: CodeLayout


class Codes:
    """The codes of all rows.

    Attributes:
        bands: in the order of their rows; at least one.
        streams: the codes of each band, uint8, :func:`embcomp.bits.stream_bytes` long.
    """

    def __init__(self, bands: Sequence[Band], streams: Sequence[bits.BytesArray]) -> None:
        self.bands = tuple(bands)
        self.streams = tuple(streams)
        self._starts = [0, *(band.end for band in self.bands)]

    @classmethod
    def pack(cls, bands: Sequence[Band], loose: Sequence[bits.BytesArray]) -> Codes:
        """Pack loose rows of code, those of each band by themselves."""
        streams = [bits.tighten(codes, band.layout.row_bits) for band, codes in zip(bands, loose, strict=True)]
        return cls(bands, streams)

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def row_bits(self) -> float:
        """Bits of a code, on average over rows."""
        rows = np.diff(self._starts)
        return float(rows @ [band.layout.row_bits for band in self.bands]) / max(1, len(self))

    def take(self, rows: Rows) -> Iterator[tuple[int, Rows, bits.BytesArray]]:
        """Yield for each band that has some of ``rows``, int64: its number, which of ``rows``, and their codes.

        Codes are loose rows.
        """
        if len(self.bands) == 1:
            yield 0, np.arange(len(rows)), bits.take(self.streams[0], self.bands[0].layout.row_bits, rows)
            return
        owners = np.searchsorted(self._starts[1:], rows, side="right")
        for number, (band, stream) in enumerate(zip(self.bands, self.streams, strict=True)):
            chosen = np.flatnonzero(owners == number)
            if len(chosen):
                yield number, chosen, bits.take(stream, band.layout.row_bits, rows[chosen] - self._starts[number])

    def loose(self, number: int = 0) -> bits.BytesArray:
        """All codes of a band, as loose rows."""
        n_rows = self._starts[number + 1] - self._starts[number]
        return bits.loosen(self.streams[number], self.bands[number].layout.row_bits, 0, n_rows)

    def of_one_width(self, rows: Rows) -> bits.BytesArray:
        """Return the codes of ``rows``, int64, as loose rows.

        Raises:
            ParameterError: there is more than one band.
        """
        if len(self.bands) > 1:
            raise ParameterError(f"codes must have one width, got {len(self.bands)}")
        return bits.take(self.streams[0], self.bands[0].layout.row_bits, rows)
