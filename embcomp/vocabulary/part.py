"""The words of a range of ranks: a sorted list, and the rank of each word in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

import numpy as np

from embcomp import bits
from embcomp.errors import CorruptError
from embcomp.memory import forget, require_memory
from embcomp.spool import Room, Spool
from embcomp.threads import CHUNK_ROWS
from embcomp.vocabulary.merging import Numbered, Ranks, SpooledWords, merged
from embcomp.wordlist import Texts, WordList

SHOWN_BYTES = 40  # of a word that is refused
RANK_BYTES = 24  # of a word, besides its letters, while words are brought into the order of their ranks
BUCKET_WORDS, BUCKET_BYTES = 2**18, 2**24  # of words of which this is done at once
CHECKED_RANKS = 2**26  # looked for at once, a byte each


def order_bits(n_words: int) -> int:
    """Bits that one rank of a part takes: ⌈log₂ n⌉, and 0 for a single word."""
    return max(0, n_words - 1).bit_length()


def pack_order(chunks: Iterable[Ranks], n_words: int, room: Room | None = None) -> bits.BytesArray:
    """Pack a permutation of 0 to n − 1, :func:`order_bits` bits each, as a stream (see :mod:`embcomp.bits`).

    Args:
        chunks: the permutation; all but the last of a multiple of 8 ranks.
        n_words: n.
        room: for the stream.
    """
    width, stream = order_bits(n_words), Spool(room)
    for ranks in chunks:
        stream.write(bits.tighten(bits.pack_symbols(ranks[:, None], width), width))
    return stream.array()


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

    def numbered(self, start: int) -> Iterator[Numbered]:
        """All words, ascending, page by page, with their ranks, which are counted from ``start``."""
        done = 0
        for words in self.words.by_page():
            n_words = len(words.lengths)
            yield words, start + self._ranks(done, done + n_words)
            done += n_words

    def __iter__(self) -> Iterator[str]:
        """Words by rank. If there is an order, all are read before the first is given, and wait in a spool.

        Raises:
            MemoryLimitError: some thousand consecutive ones take more than is allowed.
            OutputError: there is no room for them in a file.
        """
        if self.order is None:
            yield from map(self._decoded, self.words)
            return
        n_bytes = self.words.text_bytes
        n_rows = max(1, min(BUCKET_WORDS, len(self), len(self) * BUCKET_BYTES // max(1, n_bytes)))
        self._require_room(n_rows, n_bytes * n_rows // max(1, len(self)))
        spool = Spool()
        buckets = [SpooledWords(spool) for _ in range(0, len(self), n_rows)]
        for words, ranks in merged([self.numbered(0)]):
            self._checked(int(ranks.max(initial=0)))
            owners = ranks // n_rows
            for owner in np.unique(owners).tolist():
                chosen = np.flatnonzero(owners == owner)
                buckets[owner].add(words.take(chosen), ranks[chosen])
        for number, bucket in enumerate(buckets):
            yield from map(self._decoded, self._in_order(bucket, number * n_rows, n_rows))

    def _in_order(self, bucket: SpooledWords, start: int, n_rows: int) -> list[bytes]:
        self._require_room(n_rows, bucket.n_letters)
        blocks = list(bucket)
        ranks = np.concatenate([np.zeros(0, dtype=np.int64), *(ranks for _, ranks in blocks)])
        order = np.argsort(ranks)
        if not np.array_equal(ranks[order], np.arange(start, min(start + n_rows, len(self)))):
            raise self._repeated_rank()
        return Texts.joined([words for words, _ in blocks]).take(order).each()

    def _require_room(self, n_words: int, n_bytes: int) -> None:
        require_memory(n_bytes + RANK_BYTES * n_words, f"{n_words} words of {n_bytes} bytes")

    def check(self) -> None:
        """Read everything.

        Raises:
            CorruptError: it breaks a rule of the format, or a word is not UTF-8.
        """
        for word in self.words:
            self._decoded(word)
        for low in range(0, len(self) if self.has_order else 0, CHECKED_RANKS):
            there = np.zeros(min(CHECKED_RANKS, len(self) - low), dtype=np.bool_)
            for ranks in self._all_ranks():
                there[ranks[(ranks >= low) & (ranks < low + len(there))] - low] = True
            if not there.all():
                raise self._repeated_rank()

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
        numbers = np.full(len(self), -1, dtype=np.int64)
        done = 0
        for ranks in self._all_ranks():
            numbers[ranks] = np.arange(done, done + len(ranks))
            done += len(ranks)
        if (numbers < 0).any():
            raise self._repeated_rank()
        return numbers

    def _all_ranks(self) -> Iterator[Ranks]:
        """The rank of each word of ``words``, some thousands at a time."""
        for start in range(0, len(self), CHUNK_ROWS):
            ranks = self._ranks(start, min(start + CHUNK_ROWS, len(self)))
            self._checked(int(ranks.max(initial=0)))
            yield ranks
            forget(self.order)

    def _repeated_rank(self) -> CorruptError:
        return CorruptError(f"section {self._name!r} gives two words one rank")

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
