"""Sorting of numbered words in bounded memory, and cutting into parts.

Some hundred thousand words at a time are sorted and packed as a :class:`Part`, of five bytes per word; parts are then
merged.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from embcomp.errors import InputError
from embcomp.vocabulary.part import Part, Ranks, pack_order
from embcomp.wordlist import Texts, WordList, WordListWriter
from embcomp.wordlist.texts import shared_prefixes

RUN_WORDS = 2**19  # sorted at once: some 60 MB
MERGED_AT_ONCE, MERGED_BYTES = 2**16, 2**22

Numbered = tuple[Texts, Ranks]  # words in ascending order, and the rank of each


def build_parts(words: Iterable[str], cuts: Sequence[int]) -> list[Part]:
    """Sort words, given by rank, into parts that end before the ranks ``cuts``, and one after the last of them.

    Raises:
        InputError: a word occurs twice, is no valid Unicode, or is too long.
    """
    left, runs = iter(words), list[Part]()
    while True:
        run = _sorted_run(list(islice(left, RUN_WORDS)))
        if not runs and len(run[1]) < RUN_WORDS:
            parts, _ = cut([run], cuts)
            return parts
        if not len(run[1]):
            break
        runs += cut([run], [])[0]
    parts, _ = cut(merged(runs), cuts)
    return parts


def cut(
    numbered: Iterable[Numbered], cuts: Sequence[int], *, ordered: bool = True
) -> tuple[list[Part], list[NDArray[np.uint32]]]:
    """Distribute ascending words to parts by their rank; return the parts, and the ranks of the words of each.

    Ranks are counted from the first one of a part. Without ``ordered`` a word's rank in its part is its place in the
    part's list; the ranks returned are then those that the words had, counted from 0.
    """
    writers = [_PartWriter() for _ in range(len(cuts) + 1)]
    for words, ranks in distinct(numbered):
        owners = np.searchsorted(cuts, ranks, side="right")
        for number, writer in enumerate(writers):
            chosen = np.flatnonzero(owners == number)
            writer.add(words.take(chosen), ranks[chosen])
    finished = [writer.finish(number, ordered=ordered) for number, writer in enumerate(writers) if writer.n_words]
    return [part for part, _ in finished], [ranks for _, ranks in finished]


def merged(parts: Sequence[Part]) -> Iterator[Numbered]:
    """All words of parts that follow each other, in ascending order."""
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    pairs = heapq.merge(*(part.numbered(start) for part, start in zip(parts, starts, strict=False)))
    while block := _some(pairs):
        yield Texts.of_bytes([word for word, _ in block]), np.array([rank for _, rank in block], dtype=np.int64)


def _some(pairs: Iterator[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """The next words and ranks, not too many."""
    block, n_bytes = [], 0
    for pair in islice(pairs, MERGED_AT_ONCE):
        block.append(pair)
        n_bytes += len(pair[0])
        if n_bytes > MERGED_BYTES:
            break
    return block


def _sorted_run(words: list[str]) -> Numbered:
    texts = Texts.of_words(words)
    order = texts.ascending()
    return texts.take(order), order


def distinct(numbered: Iterable[Numbered]) -> Iterator[Numbered]:
    """Pass on ascending words; raise ``InputError`` at one that follows itself."""
    last = Texts.of_bytes([])
    for words, ranks in numbered:
        both = Texts.joined([last, words])
        repeated = _repeated(both)
        if len(repeated):
            word = both.word(int(repeated[0])).decode()
            raise InputError(f"vocabulary: words must be distinct, got {word!r} twice")
        yield words, ranks
        last = both.take(np.arange(len(both.lengths))[-1:])


def _repeated(words: Texts) -> NDArray[np.int64]:
    """The numbers of words that the next one is equal to."""
    starts, lengths = words.starts, words.lengths
    alike = np.flatnonzero(lengths[:-1] == lengths[1:])
    shared = shared_prefixes(words.letters, starts[alike], starts[alike + 1], lengths[alike])
    repeated: NDArray[np.int64] = alike[shared == lengths[alike]]
    return repeated


class _PartWriter:
    """Makes a part from ascending words and their ranks, counted from anywhere."""

    def __init__(self) -> None:
        self.n_words = 0
        self._words = WordListWriter()
        self._ranks: list[NDArray[np.uint32]] = []

    def add(self, words: Texts, ranks: Ranks) -> None:
        self.n_words += len(ranks)
        self._words.add(words)
        self._ranks.append(ranks.astype(np.uint32))

    def finish(self, number: int, *, ordered: bool) -> tuple[Part, NDArray[np.uint32]]:
        ranks = np.concatenate(self._ranks)
        self._ranks = []
        words = WordList(f"words.{number}", *self._words.finish())
        if not ordered:
            return Part(words, None, ""), ranks
        ranks -= ranks.min()  # in place: it may be long
        packed = pack_order(ranks)
        return Part(words, lambda: packed, f"order.{number}"), ranks
