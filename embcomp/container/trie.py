"""Check the structure of a stored MARISA trie, so that native code can walk it without leaving its bytes.

The library that maps the trie trusts what it reads. Checksums keep damage away from it, but whoever makes a file can
also make its checksums; for a file from a stranger, this proves that every index into the trie stays inside it and
that every walk ends. docs/format.md describes the bytes; here the parts that it lets readers skip are checked too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.errors import CorruptError

MAGIC = b"We love Marisa.\0"
MAX_LEVELS = 127  # the library's own limit, MARISA_MAX_NUM_TRIES
MAX_KEY_BYTES = 2**26  # labels are shared, so that a small trie can describe a key longer than any memory
BLOCK_BITS = 512  # of the rank index: 8 words of 64 bits
NOTHING = 0xFFFFFFFF  # parent and child of an empty cache entry
NO_LINK = 0xFFFFFF

Bits = NDArray[np.bool_]
Integers = NDArray[np.int64]


def check_trie(data: memoryview) -> None:
    """Check the trie in ``data``, all but how many words it holds.

    Raises:
        CorruptError: naming the part that is wrong.
    """
    cursor = _Cursor(data)
    if bytes(cursor.take(len(MAGIC))) != MAGIC:
        raise CorruptError("section 'vocabulary' is not a MARISA trie: wrong magic bytes")
    levels = [_read_level(cursor, first=True)]
    while levels[-1].has_next:
        if len(levels) == MAX_LEVELS:
            raise CorruptError(f"section 'vocabulary' has more than {MAX_LEVELS} levels")
        levels.append(_read_level(cursor, first=False))
    path_lengths = np.zeros(0, dtype=np.int64)
    for level in reversed(levels):  # the last level's end comes first in the file
        _read_end(cursor, level)
        path_lengths = _path_lengths(level, path_lengths)
    _require(cursor.at == len(data), "something follows the trie")


@dataclass
class _Level:
    """What one level says; ``links`` has one entry per node, −1 where the label is a byte."""

    parents: Integers
    terminal: Bits
    bases: Integers
    links: Integers
    tail: NDArray[np.uint8]
    has_next: bool
    first: bool


def _read_level(cursor: _Cursor, *, first: bool) -> _Level:
    louds = _read_bits(cursor, "louds", select0=first, select1=True)
    parents = _parents(louds)
    n_nodes = len(parents)
    terminal = _read_bits(cursor, "terminal", select0=False, select1=first)
    _require(len(terminal) == (n_nodes + 1 if first else 0), "terminal flags do not fit its nodes")
    _require(not terminal[n_nodes:].any(), "a terminal flag belongs to no node")
    is_link = _read_bits(cursor, "link", select0=False, select1=False)
    _require(len(is_link) == n_nodes and not is_link[0], "link flags do not fit its nodes")
    bases = cursor.numbers(np.uint8).astype(np.int64)
    _require(len(bases) == n_nodes, "labels do not fit its nodes")
    extras = _read_extras(cursor)
    _require(len(extras) == is_link.sum(), "links do not fit their flags")
    links = np.full(n_nodes, -1, dtype=np.int64)
    links[is_link] = bases[is_link] | (extras << 8)
    tail = cursor.numbers(np.uint8)
    _require(not len(tail) or tail[-1] == 0, "its tail has no end")
    _require(not len(_read_bits(cursor, "tail", select0=False, select1=False)), "its tail is of another kind")
    return _Level(parents, terminal, bases, links, tail, bool(is_link.any()) and not len(tail), first)


def _read_end(cursor: _Cursor, level: _Level) -> None:
    """The cache, the number of nodes below the root, and flags."""
    cache = cursor.numbers(np.uint32).astype(np.int64)
    n_entries = len(cache) // 3
    _require(len(cache) == 3 * n_entries and n_entries.bit_count() == 1, "a cache has a wrong size")
    parents, children, labels = cache.reshape(-1, 3).T
    empty = (parents == NOTHING) & (children == NOTHING)
    parents, children, labels = parents[~empty], children[~empty], labels[~empty]
    _require(bool(((children >= 1) & (children < len(level.parents))).all()), "a cache leaves its level")
    _require(bool((parents == level.parents[children]).all()), "a cache contradicts its level")
    links = level.links[children]
    expected = np.where(links < 0, level.bases[children] | (NO_LINK << 8), links)
    _require(bool((labels == expected & NOTHING).all()), "a cache contradicts its labels")
    _require(cursor.u32() == int((level.parents == 0).sum()), "a count of nodes below the root is wrong")
    cursor.u32()


def _parents(louds: Bits) -> Integers:
    """Parent of each node, −1 for the root. Every other parent has a lower number: all walks upwards end."""
    places = np.flatnonzero(louds)
    n_nodes = len(places)
    _require(n_nodes > 0 and len(louds) == 2 * n_nodes + 2 and bool(louds[0]), "its shape has a wrong size")
    parents = places - np.arange(n_nodes) - 1
    _require(bool(((parents[1:] >= 0) & (parents[1:] < np.arange(1, n_nodes))).all()), "its shape is no tree")
    return parents.astype(np.int64)


def _path_lengths(level: _Level, next_lengths: Integers) -> Integers:
    """Check where links lead, and return the bytes of all labels from each node up to the root."""
    lengths = np.ones(len(level.parents), dtype=np.int64)
    lengths[0] = 0
    is_link = level.links >= 0
    links = level.links[is_link]
    if level.has_next:
        _require(bool(((links >= 1) & (links < len(next_lengths))).all()), "a link leaves the next level")
        lengths[is_link] = next_lengths[links]
    elif len(links):
        _require(bool((links < len(level.tail)).all()), "a link leaves the tail")
        ends = np.flatnonzero(level.tail == 0)
        lengths[is_link] = ends[np.searchsorted(ends, links)] - links
    ancestors = np.maximum(level.parents, 0)
    while ancestors.any():  # twice as far up each time
        lengths += lengths[ancestors]
        _require(int(lengths.max()) <= MAX_KEY_BYTES, f"it describes a key of more than {MAX_KEY_BYTES} bytes")
        ancestors = ancestors[ancestors]
    return lengths


def _read_bits(cursor: _Cursor, name: str, *, select0: bool, select1: bool) -> Bits:
    """Read a bit vector whose indexes are there as asked for, and right."""
    words = cursor.numbers(np.uint64)
    n_bits, n_ones = cursor.u32(), cursor.u32()
    ranks, zeros, ones = cursor.numbers(np.uint32), cursor.numbers(np.uint32), cursor.numbers(np.uint32)
    _require(len(words) == -(-n_bits // 64), f"{name} bits have a wrong size")
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_)
    _require(not bits[n_bits:].any(), f"{name} bits go on past their end")
    bits = bits[:n_bits]
    right = int(bits.sum()) == n_ones and np.array_equal(ranks, _rank_index(bits))
    right = right and np.array_equal(zeros, _select_index(~bits) if select0 else [])
    right = right and np.array_equal(ones, _select_index(bits) if select1 and n_bits else [])
    _require(right, f"the index of {name} bits is wrong")
    return bits


def _rank_index(bits: Bits) -> NDArray[np.uint32]:
    """Ones before each block of 8 words, and before each word within its block; then the number of all ones."""
    if not len(bits):
        return np.zeros(0, dtype=np.uint32)
    padded = np.zeros((-(-len(bits) // BLOCK_BITS), 8, 64), dtype=np.bool_)
    padded.reshape(-1)[: len(bits)] = bits
    within = np.cumsum(padded.sum(axis=2), axis=1, dtype=np.uint32)
    index = np.zeros((len(padded) + 1, 3), dtype=np.uint32)
    index[1:, 0] = np.cumsum(within[:, -1], dtype=np.uint32)
    low_shifts, high_shifts = np.array([0, 7, 15, 23], np.uint32), np.array([0, 9, 18], np.uint32)
    index[:-1, 1] = (within[:, :4] << low_shifts).sum(axis=1, dtype=np.uint32)
    index[:-1, 2] = (within[:, 4:7] << high_shifts).sum(axis=1, dtype=np.uint32)
    return index.reshape(-1)


def _select_index(bits: Bits) -> Integers:
    """Places of the ones number 0, 512, 1024, …; then the number of bits."""
    return np.append(np.flatnonzero(bits)[::BLOCK_BITS], len(bits))


def _read_extras(cursor: _Cursor) -> Integers:
    """Read a vector of numbers of equal width, least significant bit first."""
    words = cursor.numbers(np.uint64)
    width, mask, size = cursor.u32(), cursor.u32(), cursor.u64()
    n_words = -(-width * size // 64) if width else min(1, size)
    fits = (
        width <= 32 and mask == (1 << width) - 1 and size <= 64 * max(1, len(cursor.data)) and len(words) == n_words
    )
    _require(fits, "links have a wrong size")
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: width * size].reshape(size, width)
    numbers = np.zeros(size, dtype=np.int64)
    for bit in range(width):
        numbers |= bits[:, bit].astype(np.int64) << bit
    return numbers


class _Cursor:
    """Reads front to back, never past the end."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> memoryview:
        _require(size <= len(self.data) - self.at, "it goes past its end")
        self.at += size
        return self.data[self.at - size : self.at]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def numbers(self, dtype: type[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """Read a vector: its size in bytes, its numbers, and padding to a multiple of 8."""
        size = self.u64()
        item_bytes = np.dtype(dtype).itemsize
        _require(size % item_bytes == 0, "a vector has a wrong size")
        data = self.take(size)
        self.take(-size % 8)
        return np.frombuffer(data, dtype=np.dtype(dtype).newbyteorder("<"))


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise CorruptError(f"section 'vocabulary' is not a sound MARISA trie: {problem}")
