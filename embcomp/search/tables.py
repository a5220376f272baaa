"""Inner products of a query with decoded vectors, looked up in tables of what the symbols of a code stand for.

Where rows decode to sums of what their symbols stand for (:mod:`embcomp.compressors.lookup`), the inner product of a
row with a query is a sum of inner products that are the same for all rows [Jégou 2011, §III: asymmetric distance
computation]. Symbols of more than four bits have a table of their own; others share tables of four bits, of which two
make a byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.compressors.lookup import Levels, Lookup, Words
from embcomp.errors import CorruptError
from embcomp.kernels.best import HALF, WIDE, Codes, Part, Rows, Tables
from embcomp.memory import require_memory
from embcomp.threads import blocks

HALF_BITS, BYTE_BITS = 4, 8
FEW_ROWS = 512  # whose decoded vectors, float64, stay in the second-level cache
SIGNS = 2.0 * np.unpackbits(np.arange(HALF, dtype=np.uint8)[None, :], axis=0)[HALF_BITS:] - 1  # of each half's bits
LONGEST = float(np.finfo(np.float32).max)


class Columns:
    """How the symbols of a code become columns of bytes: first those of a wide symbol each, then those of two halves.

    Attributes:
        widths: bits of each symbol of the code.
        n_columns: how many columns there are.
        dtype: uint8, or uint16 where a symbol has more than eight bits.
        wide: numbers of the wide symbols.
        halves: for each half of the other columns, the numbers of its symbols.
    """

    def __init__(self, lookup: Lookup) -> None:
        self.widths = [n_bits for part in lookup.parts for n_bits in _widths(part)]
        self.wide = [number for number, n_bits in enumerate(self.widths) if n_bits > HALF_BITS]
        self.halves, room = list[list[int]](), 0
        for number, n_bits in enumerate(self.widths):
            if n_bits <= HALF_BITS:
                if n_bits > room:
                    self.halves.append([])
                    room = HALF_BITS
                self.halves[-1].append(number)
                room -= n_bits
        self.halves += [[]] * (len(self.halves) % 2)
        self.n_columns = len(self.wide) + len(self.halves) // 2
        self.dtype = np.uint8 if max(self.widths, default=0) <= BYTE_BITS else np.uint16

    def of(self, loose: BytesArray) -> Codes:
        """Return what is looked up for loose rows of code: shape (n, columns)."""
        n_bits, unit = sum(self.widths), 8 * np.dtype(self.dtype).itemsize
        fields = [([number], unit) for number in self.wide]
        for high, low in zip(self.halves[::2], self.halves[1::2], strict=True):
            fields += [(high, unit - HALF_BITS), (low, HALF_BITS)]
        ends = np.cumsum(self.widths, dtype=np.intp).tolist()
        source = list[int]()
        for numbers, width in fields:
            own = [bit for number in numbers for bit in range(ends[number] - self.widths[number], ends[number])]
            source += [n_bits] * (width - len(own)) + own  # where there is a 0
        unpacked = np.zeros((len(loose), n_bits + 1), dtype=np.uint8)
        unpacked[:, :n_bits] = bits.unpack(loose, n_bits)
        packed = np.packbits(unpacked.take(source, axis=1), axis=1)
        return packed if self.dtype == np.uint8 else packed.view(">u2").astype(np.uint16)

    def wide_entries(self, starts: Sequence[int]) -> NDArray[np.intp]:
        """Which entries the tables of wide symbols have, where those of each symbol start: shape (symbols, any)."""
        size = 2 ** max([BYTE_BITS, *(self.widths[number] for number in self.wide)])
        values = np.arange(size)
        found = [starts[number] + np.minimum(values, 2 ** self.widths[number] - 1) for number in self.wide]
        return np.array(found, dtype=np.intp).reshape(-1, size)

    def half_entries(self, starts: Sequence[int], zero: int) -> NDArray[np.intp]:
        """Which entries the tables of halves are sums of: shape (4, halves, 16); ``zero`` is that of no symbol."""
        found = np.full((HALF_BITS, len(self.halves), HALF), zero)
        for half, numbers in enumerate(self.halves):
            values = np.arange(HALF)
            for at, number in enumerate(reversed(numbers)):
                found[at, half] = starts[number] + values % 2 ** self.widths[number]
                values >>= self.widths[number]
        return found


def _values(part: Levels | Words) -> int:
    """How many values each symbol has."""
    return len(part.levels) if isinstance(part, Levels) else part.words.shape[1]


def _widths(part: Levels | Words) -> list[int]:
    """Bits of each symbol."""
    return [_values(part).bit_length() - 1] * len(part.directions if isinstance(part, Levels) else part.words)


def _sums(lookup: Lookup, loose: BytesArray) -> DoubleArray:
    """What rows of code decode to, before length and origin: float64, shape (n, dim)."""
    unpacked, start = bits.unpack(loose, sum(sum(_widths(part)) for part in lookup.parts)), 0
    numbers, directions = [np.zeros((len(loose), 0))], [np.zeros((0, len(lookup.base)))]
    words = list[tuple[FloatArray, NDArray[np.uint16]]]()
    for part in lookup.parts:
        widths, stop = _widths(part), start + sum(_widths(part))
        symbols = np.zeros((len(loose), len(widths)), np.uint16)
        for bit in range(widths[0] if widths else 0):
            symbols = 2 * symbols + unpacked[:, start + bit : stop : widths[0]]
        start = stop
        if isinstance(part, Levels):
            numbers.append(part.levels.astype(np.float64).take(symbols))
            directions.append(part.directions)
        else:
            words += zip(part.words, symbols.T, strict=True)
    sums: DoubleArray = np.concatenate(numbers, axis=1) @ np.concatenate(directions)
    sums += lookup.base
    for own, column in words:
        sums += own[column]
    return sums


def rows_of(lookup: Lookup, loose: BytesArray, decode: Callable[[RowIds], FloatArray], first: int = 0) -> Rows:
    """Lay out codes as loose rows; their scores are cosines of a query and the vectors that they decode to.

    ``decode`` returns these vectors for some ranks, of which ``first`` is the first.

    Raises:
        CorruptError: a vector is too long to be compared.
        MemoryLimitError: the layout takes more than is allowed.
    """
    columns = Columns(lookup)
    require_memory((4 * columns.n_columns + 8) * len(loose), f"columns of {len(loose)} codes")
    codes = np.empty((len(loose), columns.n_columns), columns.dtype)
    gains, shifts = np.empty(len(loose), dtype=np.float32), np.empty(len(loose), dtype=np.float32)
    for rows in blocks(len(loose), FEW_ROWS):
        codes[rows] = columns.of(loose[rows])
        gains[rows] = _inverse(_lengths(_sums(lookup, loose[rows]), first + rows.start))
        if lookup.origin is not None:
            vectors = decode(np.arange(first + rows.start, first + rows.stop)).astype(np.float64)
            shifts[rows] = _inverse(_lengths(vectors, first + rows.start))
            gains[rows] *= np.linalg.norm(vectors - lookup.origin, axis=1) * shifts[rows]
    return Rows.laid_out(codes, gains, None if lookup.origin is None else shifts)


class Bands:
    """Codes in bands that follow one another, and the tables of a query for each.

    What each value of each symbol adds to an inner product is computed at once, as *entries*: of words, of levels,
    and a 0. Tables are sums of entries.
    """

    def __init__(self, lookups: Sequence[Lookup], rows: Sequence[Rows]) -> None:
        """Take what the symbols of each band stand for, and its rows.

        Raises:
            MemoryLimitError: codewords take more than is allowed.
        """
        self._rows = rows
        parts, none = [part for lookup in lookups for part in lookup.parts], np.zeros((0, len(lookups[0].base)))
        books = {id(part.words): part.words for part in parts if isinstance(part, Words)}
        levels = [part for part in parts if isinstance(part, Levels)]
        n_numbers = sum(each.size for each in books.values())
        require_memory(8 * n_numbers, f"{n_numbers} numbers of codewords, to be compared,")
        self._words = np.concatenate([none, *(each.reshape(-1, none.shape[1]) for each in books.values())])
        self._directions = np.concatenate([none, *(part.directions for part in levels)])
        self._levels = np.concatenate([none[:, 0], *(np.tile(part.levels, len(part.directions)) for part in levels)])
        sizes = [len(part.levels) for part in levels for _ in part.directions]
        self._owners = np.repeat(np.arange(len(sizes)), sizes)
        origins = [np.zeros_like(each.base) if each.origin is None else each.origin for each in lookups]
        self._centres = np.concatenate([[each.base, origin] for each, origin in zip(lookups, origins, strict=True)])
        self._n_entries = len(self._words) + len(self._levels) + 1
        places = list(zip(map(Columns, lookups), _places(lookups), strict=True))
        self._wide = [columns.wide_entries(starts) for columns, starts in places]
        halves = [columns.half_entries(starts, self._n_entries - 1) for columns, starts in places]
        self._halves = np.concatenate(halves, axis=1)
        self._stops = np.cumsum([0, *(half.shape[1] for half in halves)]).tolist()
        self._bytes_of_query = 8 * (self._n_entries + sum(wide.size for wide in self._wide) + 2 * self._halves.size)

    def parts(self, queries: DoubleArray, n_rows: int) -> list[Part]:
        """Return the first rows and the tables of queries, float64, shape (q, dim), for each band.

        Raises:
            CorruptError: what symbols stand for is too large to be compared.
            MemoryLimitError: tables take more than is allowed.
        """
        require_memory(self._bytes_of_query * len(queries), f"tables of {len(queries)} queries")
        levels = _products(self._directions, queries)[:, self._owners] * self._levels
        entries = np.concatenate([_products(self._words, queries), levels, np.zeros((len(queries), 1))], axis=1)
        if not np.isfinite(entries).all():
            raise CorruptError("codewords are too large to be compared")
        halves = entries.take(self._halves, axis=1).sum(axis=1)
        numbers, found = _products(self._centres, queries).reshape(len(queries), -1, 2), list[Part]()
        for number, rows in enumerate(self._rows):
            own = halves[:, self._stops[number] : self._stops[number + 1]].reshape(len(queries), -1, 2, HALF)
            wide = entries.take(self._wide[number], axis=1)
            found.append((rows.first(n_rows), Tables(wide, own, numbers[:, number].copy())))
            n_rows -= rows.n_rows
        return found


def _places(lookups: Sequence[Lookup]) -> list[list[int]]:
    """For each band where the entries of its symbols start: those of words first, which bands may share."""
    parts, starts, end = [part for lookup in lookups for part in lookup.parts], dict[int, int](), 0
    for part in parts:
        if isinstance(part, Words) and id(part.words) not in starts:
            starts[id(part.words)] = end
            end += part.words.shape[0] * part.words.shape[1]
    found = list[list[int]]()
    for lookup in lookups:
        found.append([])
        for part in lookup.parts:
            n_all = len(_widths(part)) * _values(part)
            first = starts[id(part.words)] if isinstance(part, Words) else end
            found[-1] += range(first, first + n_all, _values(part))
            end += n_all if isinstance(part, Levels) else 0
    return found


def sign_tables(weights: DoubleArray) -> Tables:
    """Return the tables of bits that add or take away ``weights``, shape (queries, bits)."""
    n_queries, n_bits = weights.shape
    padded = np.zeros((n_queries, -(-n_bits // BYTE_BITS) * BYTE_BITS))
    padded[:, :n_bits] = weights
    halves = padded.reshape(n_queries, -1, 2, HALF_BITS) @ SIGNS
    return Tables(np.empty((n_queries, 0, WIDE)), halves, np.zeros((n_queries, 2)))


def _products(rows: DoubleArray, queries: DoubleArray) -> DoubleArray:
    """Inner products of each query, shape (q, rows): one query at a time, since BLAS rounds several differently."""
    return (rows @ queries[:, :, None])[:, :, 0]


def _lengths(vectors: DoubleArray, first: int) -> DoubleArray:
    lengths: DoubleArray = np.linalg.norm(vectors, axis=1)
    if not (lengths <= LONGEST).all():
        row = first + int(np.argmin(lengths <= LONGEST))
        raise CorruptError(f"row {row} decodes to numbers that are too large to be compared")
    return lengths


def _inverse(lengths: DoubleArray) -> DoubleArray:
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
