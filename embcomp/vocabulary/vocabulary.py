"""Words <-> ranks, both ways, without building a dictionary.

The *rank* of a word is its position in the source, which is usually in order of frequency, so that rank 0 is the most
frequent word. A word's code is stored at its rank. Where the source's order was dropped, ranks follow the order of
the words' bytes, within each part.

A vocabulary has *parts*, each for a range of ranks: the frequent words are together, and a reader that has fetched
the first part finds them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice, pairwise, repeat

import numpy as np

from embcomp.errors import CorruptError, InputError, MissingWordError
from embcomp.spool import Room, Spool
from embcomp.vocabulary.building import VocabularyBuilder, cut
from embcomp.vocabulary.merging import Numbered, Ranks, chunked, distinct, merged
from embcomp.vocabulary.part import Part

HEAD_WORDS = 16_384  # in the first part: 14 bits of order, 70 kB with their words
GIVEN_WORDS = 2**13  # to the builder at once
CACHED_WORDS = 2**14
CACHED_LETTERS = 64  # of a word that is remembered
UNKNOWN = -2


class Vocabulary:
    """An immutable set of distinct words, numbered by rank."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self._starts = np.cumsum([0, *map(len, self.parts)]).tolist()
        self._known = dict[str, int]()  # ranks of words that were looked for lately

    @classmethod
    def build(cls, words: Iterable[str], after: Vocabulary | None = None) -> Vocabulary:
        """Number ``words``, given in source order: a part of :data:`HEAD_WORDS` words, and one of the others.

        Args:
            words: distinct.
            after: words that come before them.

        Raises:
            InputError: a word occurs twice, is no valid Unicode, or is too long.
        """
        builder = VocabularyBuilder([HEAD_WORDS], after=() if after is None else after.parts, strict=True)
        left = iter(words)
        while block := list(islice(left, GIVEN_WORDS)):
            builder.extend(block)
        return cls(builder.finish()[0])

    def without_order(self, ends: Sequence[int]) -> tuple[Vocabulary, Ranks]:
        """Return this vocabulary with ranks that need not be stored, and the rank here of each rank there, int64.

        It has a part for each band of ranks, which end before ``ends``, so that a word's rank still says in which
        band it was.
        """
        room = Room()
        parts, ranks_of = cut(merged(self._numbered()), ends[:-1], ordered=False, room=room)
        ranks = Spool(room)
        for block in (block for each in ranks_of for block in chunked(each)):
            ranks.write(block)
        return Vocabulary(parts), ranks.array().view(np.int64)

    def _numbered(self) -> list[Iterator[Numbered]]:
        return [part.numbered(start) for part, start in zip(self.parts, self._starts, strict=False)]

    @property
    def has_order(self) -> bool:
        """Whether ranks are those of the source."""
        return any(part.has_order for part in self.parts)

    @property
    def text_bytes(self) -> int:
        """Bytes of all words in UTF-8, added up."""
        return sum(part.words.text_bytes for part in self.parts)

    @property
    def stored_bytes(self) -> int:
        """Bytes that words and order take in a file."""
        return sum(part.stored_bytes for part in self.parts)

    def __len__(self) -> int:
        n_words: int = self._starts[-1]
        return n_words

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) >= 0

    def __iter__(self) -> Iterator[str]:
        """Words by rank."""
        for part in self.parts:
            yield from part

    def find(self, word: str) -> int:
        """Return the rank of ``word``, or −1."""
        rank = self._known.get(word)
        if rank is None:
            rank = self._search_one(_key(word))
            self._remember([word], [rank])
        return rank

    def _search_one(self, key: bytes) -> int:
        for start, part in zip(self._starts, self.parts, strict=False):
            rank = part.find(key)
            if rank >= 0:
                return int(start + rank)
        return -1

    def rank(self, word: str) -> int:
        """Return the rank of ``word``.

        Raises:
            MissingWordError: it is not there.
        """
        rank = self.find(word)
        if rank < 0:
            raise MissingWordError(word)
        return rank

    def ranks(self, words: Iterable[str]) -> Ranks:
        """Return the ranks of many words, int64, −1 where a word is missing."""
        listed = list(words)
        found = np.fromiter(map(self._known.get, listed, repeat(UNKNOWN)), dtype=np.int64, count=len(listed))
        unknown = np.flatnonzero(found == UNKNOWN)
        if len(unknown):
            new = [listed[each] for each in unknown.tolist()]
            found[unknown] = self._search(new)
            self._remember(new, found[unknown].tolist())
        return found

    def _remember(self, words: list[str], ranks: list[int]) -> None:
        if len(words) + len(self._known) > CACHED_WORDS:
            self._known.clear()
        if len(words) <= CACHED_WORDS:
            self._known.update(each for each in zip(words, ranks, strict=True) if len(each[0]) <= CACHED_LETTERS)

    def _search(self, words: list[str]) -> Ranks:
        try:
            keys = list(map(str.encode, words))
        except UnicodeEncodeError:
            keys = list(map(_key, words))
        found = np.full(len(keys), -1, dtype=np.int64)
        left = np.arange(len(keys))
        for start, part in zip(self._starts, self.parts, strict=False):
            ranks = part.find_many(keys)
            found[left] = np.where(ranks < 0, -1, start + ranks)
            missing = ranks < 0
            left, keys = left[missing], list(compress(keys, missing.tolist()))
        return found

    def word(self, rank: int) -> str:
        """Return the word of a rank."""
        part = bisect_right(self._starts, rank) - 1
        return self.parts[part].word(rank - self._starts[part])

    def words(self, ranks: Ranks) -> list[str]:
        """Return the words of many ranks, int64."""
        words = [""] * len(ranks)
        for part, (start, end) in zip(self.parts, pairwise(self._starts), strict=True):
            chosen = np.flatnonzero((ranks >= start) & (ranks < end))
            for each, word in zip(chosen.tolist(), part.read_many(ranks[chosen] - start), strict=True):
                words[each] = word
        return words

    def first_words(self, n_words: int) -> list[str]:
        """Return the words of the first ranks, all if there are fewer."""
        return self.words(np.arange(min(n_words, len(self)), dtype=np.int64))

    def check(self) -> None:
        """Read everything.

        Raises:
            CorruptError: a part breaks a rule of the format, a word is not UTF-8, or is in two parts.
        """
        for part in self.parts:
            part.check()
        try:
            for _ in distinct(merged(self._numbered())):
                pass
        except InputError as error:
            raise CorruptError(str(error)) from error


def _key(word: str) -> bytes:
    """UTF-8; a lone surrogate becomes bytes that no valid word has."""
    return word.encode("utf-8", "surrogatepass")
