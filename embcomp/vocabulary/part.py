"""The words of a range of ranks: a sorted list, and the rank of each word in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.errors import CorruptError
from embcomp.memory import require_memory
from embcomp.threads import CHUNK_ROWS
from embcomp.wordlist import WordList

Ranks = NDArray[np.int64]

SHOWN_BYTES = 40  # of a word that is refused
RANK_BYTES = 24  # of a word, besides its letters, while all words are read by rank


def order_bits(n_words: int) -> int:
    """Bits that one rank of a part takes: ⌈log₂ n⌉, and 0 for a single word."""
    return max(0, n_words - 1).bit_length()


def pack_order(ranks: NDArray[np.integer]) -> bits.BytesArray:
    """Pack a permutation of 0 to n − 1, :func:`order_bits` bits each, as a stream (see :mod:`embcomp.bits`)."""
    width = order_bits(len(ranks))
    stream = np.empty(bits.stream_bytes(len(ranks), width), dtype=np.uint8)
    for start in range(0, len(ranks), CHUNK_ROWS):
        block = ranks[start : start + CHUNK_ROWS, None]
        packed = bits.tighten(bits.pack_symbols(block, width), width)
        stream[start * width // 8 :][: len(packed)] = packed
    return stream


class Part:
    """Words whose ranks are 0 to n − 1, counted from the part's first one.

    Attributes:
        words: in ascending order of their bytes.
        has_order: whether the rank of each of them is stored; if not, it is its place in ``words``.
    """

    def __init__(self, words: WordList, order: Callable[[], bits.BytesArray] | None, name: str) -> None:
        """Take the words, a function that returns their packed ranks, and a name for messages."""
        self.words = words
        self.has_order = order is not None
        self._load_order = order
        self._name = name
        self._width = order_bits(len(words))

    @property
    def stored_bytes(self) -> int:
        """Bytes that words and order take in a file."""
        order = 0 if self.order is None else len(self.order)
        return len(self.words.index) + len(self.words.pages) + order

    def __len__(self) -> int:
        return len(self.words)

    def numbered(self, start: int) -> Iterator[tuple[bytes, int]]:
        """All words, ascending, each with its rank, which is counted from ``start``."""
        done = 0
        for words in self.words.by_page():
            ranks = start + self._ranks(done, done + len(words))
            yield from zip(words, ranks.tolist(), strict=True)
            done += len(words)

    def __iter__(self) -> Iterator[str]:
        """Words by rank. All of them are decoded when the first one is asked for, if there is an order.

        Raises:
            MemoryLimitError: they take more than is allowed.
        """
        if self.order is None:
            yield from map(self._decoded, self.words)
            return
        n_bytes = self.words.text_bytes
        require_memory(n_bytes + RANK_BYTES * len(self), f"{len(self)} words of {n_bytes} bytes")
        text, bounds = bytearray(), [np.zeros(1, dtype=np.int64)]
        for words in self.words.by_page():
            bounds.append(len(text) + np.cumsum(np.fromiter(map(len, words), dtype=np.int64, count=len(words))))
            text += b"".join(words)
        ends = np.concatenate(bounds)
        for block in np.array_split(self._numbers, len(bounds)):  # numbers as Python has them, some at a time
            for start, end in zip(ends[block].tolist(), ends[block + 1].tolist(), strict=True):
                yield self._decoded(text[start:end])

    def check(self) -> None:
        """Read everything.

        Raises:
            CorruptError: it breaks a rule of the format, or a word is not UTF-8.
        """
        for word in self.words:
            self._decoded(word)
        if self.order is not None:
            _ = self._numbers

    def find(self, word: bytes) -> int:
        """Return the rank of ``word``, or −1."""
        number = self.words.find(word)
        if number < 0 or self.order is None:
            return number
        first = number * self._width
        window = self.order[first >> 3 : (first + self._width + 7) >> 3]
        after = -(first + self._width) & 7
        rank = int.from_bytes(window, "big") >> after & ((1 << self._width) - 1)
        return self._checked(rank)

    def find_many(self, words: list[bytes]) -> Ranks:
        """Return the ranks of many words, int64, −1 where one is missing."""
        ranks = self.words.find_many(words)
        if self.order is not None:
            there = np.flatnonzero(ranks >= 0)
            ranks[there] = self._unpacked(bits.take(self.order, self._width, ranks[there]))
            self._checked(int(ranks.max(initial=0)))
        return ranks

    def word(self, rank: int) -> str:
        """Return the word of a rank."""
        return self._decoded(self.words.word(int(self._numbers[rank])))

    def read_many(self, ranks: Ranks) -> list[str]:
        """Return the words of many ranks."""
        return [self._decoded(word) for word in self.words.read_many(self._numbers[ranks])]

    @cached_property
    def order(self) -> bits.BytesArray | None:
        """The packed rank of each word, see :func:`pack_order`; ``None`` if there is none."""
        return None if self._load_order is None else self._load_order()

    @cached_property
    def _numbers(self) -> Ranks:
        """The place in ``words`` of each rank, int64, shape (n,).

        Raises:
            CorruptError: the order is not a permutation.
        """
        n_words = len(self)
        ranks = self._ranks(0, n_words)
        if self.order is None:
            return ranks
        self._checked(int(ranks.max(initial=0)))
        numbers = np.full(n_words, -1, dtype=np.int64)
        numbers[ranks] = np.arange(n_words, dtype=np.int64)
        if (numbers < 0).any():
            raise CorruptError(f"section {self._name!r} gives two words one rank")
        return numbers

    def _decoded(self, word: bytes | bytearray) -> str:
        try:
            return word.decode()
        except UnicodeDecodeError as error:
            raise CorruptError(
                f"section {self.words.name!r}: a word is not UTF-8: {bytes(word[:SHOWN_BYTES])!r}"
            ) from error

    def _ranks(self, start: int, stop: int) -> Ranks:
        """The ranks of some consecutive words of ``words``, int64."""
        if self.order is None:
            return np.arange(start, stop, dtype=np.int64)
        return self._unpacked(bits.loosen(self.order, self._width, start, stop))

    def _unpacked(self, loose: bits.BytesArray) -> Ranks:
        return bits.unpack_symbols(loose, 1, self._width)[:, 0].astype(np.int64)

    def _checked(self, rank: int) -> int:
        if rank >= max(1, len(self)):
            raise CorruptError(f"section {self._name!r} has rank {rank} for {len(self)} words")
        return rank
