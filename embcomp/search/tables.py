"""Inner products of a query with decoded vectors, looked up in tables of what the symbols of a code stand for.

Where rows decode to sums of what their symbols stand for (:mod:`embcomp.compressors.lookup`), the inner product of a
row with a query is a sum of inner products that are the same for all rows [Jégou 2011, §III: asymmetric distance
computation]. Consecutive symbols are joined to *joints* of up to 12 bits, and a table has the sums for all values of
a joint: of twelve signs, of three coordinates in four bits each, of two codewords of six bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.bits import BytesArray
from embcomp.compressors.lookup import Levels, Lookup, Words
from embcomp.errors import CorruptError
from embcomp.kernels.lookup import table_sums
from embcomp.memory import require_memory
from embcomp.threads import blocks

JOINT_BITS = 12  # float32 tables of so many bits, 16 kB, fit the first-level cache
FEW_ROWS = 16384  # of a band: for fewer rows it takes longer to make such tables than to use them
FEW_BITS = 8
LONGEST = float(np.finfo(np.float32).max)
EPS = float(np.finfo(np.float32).eps)
ROUNDINGS = 6  # of factors, tables, and the operations after the sum

Columns = NDArray[np.uint16]


@dataclass(frozen=True)
class Joint:
    """Consecutive symbols, looked up at once.

    Attributes:
        symbols: which ones of the code.
        n_bits: of all together.
        values: what each symbol stands for, float32, shape (2^n_bits, symbols): numbers, or indexes of words. One
            array for all joints that are alike.
        words: float32, shape (symbols, words, dim); ``None`` for numbers.
        source: what words are part of: joints of one source and the same symbols have the same words.
    """

    symbols: slice
    n_bits: int
    values: FloatArray
    words: FloatArray | None = None
    source: int = 0


def joints(lookup: Lookup, most_bits: int) -> list[Joint]:
    """Join symbols, as many as have ``most_bits`` bits together, or one that has more; words of one part only."""
    found, start = [], 0
    for values, words in _runs(lookup):
        first = 0
        for stop in range(1, len(values) + 1):
            following = values[first : stop + 1]
            if stop < len(values) and _n_bits(following) <= most_bits:
                continue
            joined = _combined(tuple(each.tobytes() for each in values[first:stop]))
            own = None if words is None else words[first:stop]
            found.append(
                Joint(slice(start + first, start + stop), _n_bits(values[first:stop]), joined, own, id(words))
            )
            first = stop
        start += len(values)
    return found


def _runs(lookup: Lookup) -> list[tuple[list[FloatArray], FloatArray | None]]:
    """Return symbols that may be joined: what each value of each stands for, and their words."""
    runs: list[tuple[list[FloatArray], FloatArray | None]] = []
    for part in lookup.parts:
        if isinstance(part, Words):
            n_symbols, n_words, _ = part.words.shape
            runs.append(([np.arange(n_words, dtype=np.float32)] * n_symbols, part.words))
            continue
        if not runs or runs[-1][1] is not None:
            runs.append(([], None))
        runs[-1][0].extend([part.levels] * len(part.directions))
    return runs


def _n_bits(values: Sequence[FloatArray]) -> int:
    return sum(len(each).bit_length() - 1 for each in values)


@lru_cache(maxsize=256)
def _combined(values: tuple[bytes, ...]) -> FloatArray:
    """Return all combinations of the values, float32, of each symbol: shape (product of their numbers, symbols)."""
    grid = np.meshgrid(*(np.frombuffer(each, dtype=np.float32) for each in values), indexing="ij")
    return np.stack([axis.reshape(-1) for axis in grid], axis=1)


class OfWords(NamedTuple):
    """Inner products of a query and words."""

    products: DoubleArray  # shape (symbols, words)
    largest: float  # magnitude of a sum of one of each symbol
    sums: FloatArray  # of all combinations

    @classmethod
    def of(cls, words: FloatArray, query: DoubleArray) -> OfWords:
        """Take words, float32, shape (symbols, words, dim)."""
        products, sums = np.einsum("mkd,d->mk", words, query), np.zeros(1)
        for row in products:
            sums = (sums[:, None] + row).reshape(-1)
        with np.errstate(over="ignore"):  # what is too large is refused
            return cls(products, float(np.abs(products).max(axis=1).sum()), sums.astype(np.float32))


KnownProducts = dict[tuple[int, int, int], OfWords]


class Band:
    """The codes of rows of one layout, as joint symbols in columns.

    Attributes:
        columns: uint16, shape (joints, n).
        gains: what inner products are multiplied with to be cosines, float32, shape (n,).
        shifts: what the inner product of query and origin is multiplied with; ``None`` where there is no origin.
    """

    def __init__(self, lookup: Lookup, loose: BytesArray, decoded: Iterator[FloatArray], first: int = 0) -> None:
        """Take codes as loose rows, the vectors that they decode to in blocks, as of :func:`blocks`, and the first
        rank.

        Raises:
            CorruptError: a vector is too long to be compared.
            MemoryLimitError: joint symbols take more than is allowed.
        """
        self._lookup = lookup
        self._joints = joints(lookup, JOINT_BITS if len(loose) >= FEW_ROWS else FEW_BITS)
        self._directions = np.concatenate([np.zeros((0, len(lookup.base))), *map(_directions, lookup.parts)])
        require_memory((2 * len(self._joints) + 8) * len(loose), f"joint symbols of {len(loose)} codes")
        self.columns = np.empty((len(self._joints), len(loose)), dtype=np.uint16)
        self.gains = np.empty(len(loose), dtype=np.float32)
        self.shifts = None if lookup.origin is None else np.empty(len(loose), dtype=np.float32)
        for rows in blocks(len(loose)):
            self._fill(rows, loose[rows])
            long = np.linalg.norm(self._sums(rows), axis=1)
            _require_short(long, first + rows.start)
            self.gains[rows] = _inverse(long)
            if self.shifts is not None and lookup.origin is not None:
                vectors = next(decoded).astype(np.float64)
                whole = np.linalg.norm(vectors, axis=1)
                _require_short(whole, first + rows.start)
                self.shifts[rows] = _inverse(whole)
                self.gains[rows] *= np.linalg.norm(vectors - lookup.origin, axis=1) * self.shifts[rows]

    def _fill(self, rows: slice, loose: BytesArray) -> None:
        unpacked, start = bits.unpack(loose, sum(joint.n_bits for joint in self._joints)), 0
        for column, joint in zip(self.columns, self._joints, strict=True):
            powers = 2 ** np.arange(joint.n_bits - 1, -1, -1, dtype=np.uint32)
            column[rows] = unpacked[:, start : start + joint.n_bits] @ powers
            start += joint.n_bits

    def _sums(self, rows: slice) -> DoubleArray:
        """What some rows decode to, before length and origin: float64, shape (k, dim)."""
        sums = np.tile(self._lookup.base, (len(self.gains[rows]), 1))
        for joint, column in zip(self._joints, self.columns[:, rows], strict=True):
            values = joint.values[column]
            if joint.words is None:
                sums += values @ self._directions[joint.symbols]
            for words, indexes in zip(joint.words if joint.words is not None else (), values.T, strict=False):
                sums += words[indexes.astype(np.intp)]
        return sums

    @cached_property
    def _largest(self) -> DoubleArray:
        """The largest magnitude of what each symbol stands for; 0 for words."""
        found = np.zeros(len(self._directions))
        for joint in self._joints:
            if joint.words is None:
                found[joint.symbols] = np.abs(joint.values).max(axis=0)
        return found

    @cached_property
    def _largest_factors(self) -> tuple[float, float]:
        """The largest of gains and of shifts."""
        return float(self.gains.max(initial=0)), 0.0 if self.shifts is None else float(self.shifts.max(initial=0))

    def products(self, query: DoubleArray, known: KnownProducts) -> Products:
        """Prepare the inner products with a query, float64, shape (dim,); bands may share words, and so ``known``.

        Raises:
            CorruptError: what symbols stand for is too large to be compared.
            MemoryLimitError: tables take more than is allowed.
        """
        n_entries = sum(len(joint.values) for joint in self._joints)
        require_memory(8 * n_entries, f"{n_entries} sums of codewords and a query")
        along = self._directions @ query
        base, largest = float(self._lookup.base @ query), float(np.abs(along) @ self._largest)
        terms = list[DoubleArray | OfWords]()
        for joint in self._joints:
            if joint.words is None:
                terms.append(along[joint.symbols])
                continue
            key = joint.source, joint.symbols.start, joint.symbols.stop
            if key not in known:
                known[key] = OfWords.of(joint.words, query)
            terms.append(known[key])
            largest += known[key].largest
        if not largest + abs(base) <= LONGEST:
            raise CorruptError("codewords are too large to be compared")
        origin = self._lookup.origin
        shift = 0.0 if origin is None else float(origin.astype(np.float64) @ query)
        n_roundings = (
            len(self._joints) + max((joint.values.shape[1] for joint in self._joints), default=0) + ROUNDINGS
        )
        gain, origin_gain = self._largest_factors
        error = 2 * n_roundings * EPS * ((largest + abs(base)) * gain + abs(shift) * origin_gain)
        return Products(self._joints, terms, base, shift, error)

    def cosines(self, products: Products, out: FloatArray) -> None:
        """Write cosines of the query and all rows to ``out``, float32, shape (n,)."""
        table_sums(self.columns, products.tables(), products.base, out)
        np.multiply(out, self.gains, out)
        if self.shifts is not None:
            np.add(out, np.float32(products.shift) * self.shifts, out)


@dataclass(frozen=True)
class Products:
    """Inner products of one query with what symbols stand for.

    Attributes:
        joints: as they are looked up.
        terms: of each joint: what numbers are multiplied with, shape (symbols,); or those of words.
        base: of what all rows have.
        shift: of the origin.
        error: of a cosine computed in float32, at most: additions of numbers no larger than the largest.
    """

    joints: list[Joint]
    terms: list[DoubleArray | OfWords]
    base: float
    shift: float
    error: float

    def tables(self) -> list[FloatArray]:
        """Return for each joint the sums of all of its values, float32; those of joints that are alike at once."""
        found = [np.empty(0, np.float32)] * len(self.joints)
        alike: dict[int, list[int]] = {}
        for number, (joint, terms) in enumerate(zip(self.joints, self.terms, strict=True)):
            if isinstance(terms, OfWords):
                found[number] = terms.sums
            else:
                alike.setdefault(id(joint.values), []).append(number)
        for numbers in alike.values():
            factors = np.array([self.terms[number] for number in numbers], dtype=np.float32)
            for number, table in zip(numbers, factors @ self.joints[numbers[0]].values.T, strict=True):
                found[number] = table
        return found

    def exactly(self, symbols: Columns) -> DoubleArray:
        """Return the inner products of some rows, float64, shape (k,), the same for equal ones.

        ``symbols`` are joint ones, shape (joints, k).
        """
        total = np.full(symbols.shape[1], self.base)
        for joint, terms, column in zip(self.joints, self.terms, symbols, strict=True):
            values = joint.values[column]
            if isinstance(terms, OfWords):
                total += np.take_along_axis(terms.products.T, values.astype(np.intp), axis=0).sum(axis=1)
            else:
                total += (values * terms).sum(axis=1)
        return total


def _directions(part: Levels | Words) -> DoubleArray:
    """Directions of symbols that stand for numbers; zeros for words."""
    return part.directions if isinstance(part, Levels) else np.zeros((len(part.words), part.words.shape[2]))


def _require_short(lengths: DoubleArray, first: int) -> None:
    if not (lengths <= LONGEST).all():
        row = first + int(np.argmin(lengths <= LONGEST))
        raise CorruptError(f"row {row} decodes to numbers that are too large to be compared")


def _inverse(lengths: DoubleArray) -> DoubleArray:
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
