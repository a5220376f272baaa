"""Codes of all rows, in bands of rows that may differ in width.

A row is the rank of its word. A band is the rows that a compressor encodes with one of its grades; it starts where
the one before it ends. Its codes are a stream of bits of its own (see :mod:`embcomp.bits`), so that the start of a
row's code is found by arithmetic. Most methods have one grade, and their codes one band.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import FloatArray
from embcomp.compressors.base import CodeLayout, Compressor
from embcomp.errors import ParameterError
from embcomp.memory import forget
from embcomp.progress import Progress, no_progress
from embcomp.spool import Room, Spool
from embcomp.threads import CHUNK_ROWS, get_threads, map_ahead, single_threaded_blas

MOVED_ROWS = 2**18  # at once

Rows = NDArray[np.int64]


class Band(NamedTuple):
    """Rows with one layout of code: from the end of the band before up to, and without, ``end``."""

    end: int
    layout: CodeLayout


def bands_of(compressor: Compressor, n_rows: int) -> list[Band]:
    """Return the bands of ``n_rows`` rows: one for each grade that has some, and at least one."""
    ends = [min(end, n_rows) for end in compressor.grade_ends] + [n_rows]
    bands = [Band(end, layout) for end, layout in zip(ends, compressor.layouts, strict=True)]
    return [band for start, band in zip([0, *ends], bands, strict=False) if start < band.end] or bands[:1]


class CodesWriter:
    """Encodes vectors in the order of their rows; the codes wait in a spool for each band."""

    def __init__(self, compressor: Compressor, codes: Codes | None = None, room: Room | None = None) -> None:
        """Take a fitted compressor, codes that it has made already of the first rows, and room for all codes."""
        self._compressor = compressor
        self._streams = [_StreamWriter(layout.row_bits, room) for layout in compressor.layouts]
        if codes is not None:
            for number, stream in enumerate(self._streams[: len(codes.bands)]):
                for loose in codes.blocks(number):
                    stream.add(loose)

    def add(self, vectors: FloatArray, progress: Progress = no_progress) -> None:
        """Encode the next vectors, float32, shape (n, dim)."""
        for grade, codes in self._encoded(self._n_rows, vectors, progress):
            self._streams[grade].add(codes)

    def add_chunks(self, chunks: Iterable[FloatArray]) -> None:
        """Encode the next vectors, in chunks of few rows: several chunks at once, while the next are read."""

        def numbered() -> Iterator[tuple[int, FloatArray]]:
            first = self._n_rows
            for chunk in chunks:
                yield first, chunk
                first += len(chunk)

        with single_threaded_blas():
            for encoded in map_ahead(lambda item: [*self._encoded(*item)], numbered(), get_threads()):
                for grade, codes in encoded:
                    self._streams[grade].add(codes)

    def _encoded(
        self, first: int, vectors: FloatArray, progress: Progress = no_progress
    ) -> Iterator[tuple[int, bits.BytesArray]]:
        """Yield grades, and the codes of those of some rows, from number ``first`` on, that have them."""
        starts = [0, *self._compressor.grade_ends]
        ends = [*self._compressor.grade_ends, first + len(vectors)]
        for grade, (start, end) in enumerate(zip(starts, ends, strict=True)):
            chosen = vectors[max(0, start - first) : max(0, end - first)]
            if len(chosen):
                yield grade, self._compressor.encode(chosen, progress, grade)

    @property
    def _n_rows(self) -> int:
        return sum(stream.n_rows for stream in self._streams)

    def finish(self) -> Codes:
        """Return all codes."""
        bands = bands_of(self._compressor, self._n_rows)
        return Codes(bands, [stream.finish() for stream in self._streams[: len(bands)]])


class _StreamWriter:
    """Makes a stream from loose rows of code that come one block after the other."""

    def __init__(self, width: int, room: Room | None = None) -> None:
        self.n_rows = 0
        self._width, self._stream = width, Spool(room)
        self._rest = np.zeros((0, bits.row_bytes(width)), dtype=np.uint8)  # fewer than eight rows

    def add(self, loose: bits.BytesArray) -> None:
        self.n_rows += len(loose)
        rows = np.concatenate([self._rest, loose]) if len(self._rest) else loose
        whole = len(rows) // 8 * 8
        self._stream.write(bits.tighten(rows[:whole], self._width))
        self._rest = rows[whole:].copy()

    def finish(self) -> bits.BytesArray:
        self._stream.write(bits.tighten(self._rest, self._width))
        return self._stream.array()


def fit_codes(compressor: Compressor, vectors: FloatArray, progress: Progress = no_progress) -> Codes:
    """Fit a compressor to ``vectors``, float32, shape (n, dim), and encode them."""
    if compressor.learns_codes:
        codes = compressor.fit_encode(vectors, progress)
        return Codes.pack(bands_of(compressor, len(vectors)), [codes])
    return encode_codes(compressor.fit(vectors, progress), vectors, progress)


def encode_codes(compressor: Compressor, vectors: FloatArray, progress: Progress = no_progress) -> Codes:
    """Encode ``vectors``, float32, shape (n, dim), as rows from 0 on."""
    writer = CodesWriter(compressor)
    writer.add(vectors, progress)
    return writer.finish()


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
        self._ends = np.array(self._starts[1:])
        self._widths = [band.layout.row_bits for band in self.bands]

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

    def decode(self, compressor: Compressor, rows: Rows) -> FloatArray:
        """Return the vectors of ``rows``, int64, float32, shape (k, dim)."""
        if len(self.bands) == 1 or len(rows) == 1:
            number = bisect_right(self._starts, rows[0], hi=len(self.bands)) - 1 if len(rows) else 0
            return self._decode(compressor, number, rows - self._starts[number])
        out = np.empty((len(rows), compressor.dim), dtype=np.float32)
        for number, chosen, own in self._by_band(rows):
            out[chosen] = self._decode(compressor, number, own)
        return out

    def decode_one(self, compressor: Compressor, row: int) -> FloatArray:
        """Return the vector of one row, float32, shape (dim,)."""
        number = bisect_right(self._starts, row, hi=len(self.bands)) - 1
        vector: FloatArray = self._decode(compressor, number, np.array([row - self._starts[number]]))[0]
        return vector

    def _decode(self, compressor: Compressor, number: int, rows: Rows) -> FloatArray:
        """The vectors of some rows of a band."""
        return compressor.decode_stream(
            self.streams[number], self._widths[number], rows, self._starts[number], number
        )

    def moved(self, rows: Rows) -> Codes:
        """Return the codes with row ``rows[i]`` in place ``i``; rows stay within their bands."""
        streams = []
        for start, band, stream in zip(self._starts, self.bands, self.streams, strict=False):
            writer = _StreamWriter(band.layout.row_bits)
            for first in range(start, band.end, MOVED_ROWS):
                chosen = rows[first : min(first + MOVED_ROWS, band.end)] - start
                writer.add(bits.take(stream, band.layout.row_bits, chosen))
                forget(stream)
            streams.append(writer.finish())
        return Codes(self.bands, streams)

    def without(self, rows: Rows) -> Codes:
        """Return the codes, which have one width, without those of ``rows``, ascending; rows after them move up."""
        self._require_one_width()
        layout, done = self.bands[0].layout, 0
        writer = _StreamWriter(layout.row_bits)
        for loose in self.blocks(0):
            low, high = np.searchsorted(rows, (done, done + len(loose)))
            writer.add(np.delete(loose, rows[low:high] - done, axis=0))
            done += len(loose)
        return Codes([Band(writer.n_rows, layout)], [writer.finish()])

    def decode_all(self, compressor: Compressor) -> FloatArray:
        """Return the vectors of all rows, float32, shape (n, dim)."""
        return self.decode(compressor, np.arange(len(self), dtype=np.int64))

    def loose(self, number: int) -> bits.BytesArray:
        """All codes of a band, as loose rows."""
        n_rows = self._starts[number + 1] - self._starts[number]
        return bits.loosen(self.streams[number], self.bands[number].layout.row_bits, 0, n_rows)

    def blocks(self, number: int) -> Iterator[bits.BytesArray]:
        """Yield all codes of a band as loose rows, some thousands at a time."""
        stream, width = self.streams[number], self.bands[number].layout.row_bits
        n_rows = self._starts[number + 1] - self._starts[number]
        for start in range(0, n_rows, CHUNK_ROWS):
            yield bits.loosen(stream, width, start, min(start + CHUNK_ROWS, n_rows))
            forget(stream)

    @property
    def all_of_one_width(self) -> bits.BytesArray:
        """All codes, as loose rows; raises ``ParameterError`` if there is more than one band."""
        self._require_one_width()
        return self.loose(0)

    def of_one_width(self, rows: Rows) -> bits.BytesArray:
        """Return the codes of ``rows``, int64, as loose rows.

        Raises:
            ParameterError: there is more than one band.
        """
        self._require_one_width()
        return bits.take(self.streams[0], self.bands[0].layout.row_bits, rows)

    def of_one_band(self, rows: Rows) -> bits.BytesArray:
        """Return the codes of ``rows``, int64, that lie in one band, as loose rows."""
        for number, _, own in self._by_band(rows):
            return bits.take(self.streams[number], self._widths[number], own)
        return np.zeros((0, 0), dtype=np.uint8)

    def _by_band(self, rows: Rows) -> Iterator[tuple[int, Rows, Rows]]:
        """Yield for each band that has some of ``rows``: its number, which of ``rows``, and what they are there."""
        owners = np.searchsorted(self._ends, rows, side="right")
        for number in sorted(set(owners.tolist())):
            chosen = np.flatnonzero(owners == number)
            yield number, chosen, rows[chosen] - self._starts[number]

    def _require_one_width(self) -> None:
        if len(self.bands) > 1:
            raise ParameterError(f"codes must have one width, got {len(self.bands)}")
