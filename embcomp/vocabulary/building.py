"""Sorting of numbered words in bounded memory, and cutting into parts.

Some hundred thousand words at a time are sorted: a *run*. Runs wait in a spool, and a few thousand words of each at a
time are merged. The pages of the vocabulary are written in the order of the merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from embcomp.spool import Room, Spool
from embcomp.vocabulary.merging import Numbered, Ranks, SpooledWords, chunked, distinct, merged
from embcomp.vocabulary.part import Part, pack_order
from embcomp.wordlist import Texts, WordList, WordListWriter

RUN_WORDS, RUN_LETTERS = 2**18, 2**23  # sorted at once: some 40 MB


class VocabularyBuilder:
    """Numbers words that are given by rank, in memory that hardly grows with their number.

    A word that was there before has no rank in the vocabulary; the ranks of those after it are lower by 1.
    """

    def __init__(
        self, cuts: Sequence[int], *, after: Sequence[Part] = (), strict: bool = False, room: Room | None = None
    ) -> None:
        """Start without words, or with those of some parts.

        Args:
            cuts: ends of parts, as in :func:`cut`; no more than the distinct words of the first run.
            after: parts whose words come before those that are given.
            strict: whether a word that was there before is refused.
            room: for what need not stay in memory.
        """
        self._cuts, self._room = cuts, Room() if room is None else room
        self._gone: list[Ranks] | None = None if strict else []
        starts = np.cumsum([0, *map(len, after)]).tolist()
        self._runs = [part.numbered(start) for part, start in zip(after, starts, strict=False)]
        self._n_words: int = starts[-1]
        self._n_sorted = self._n_words
        self._spool = Spool(self._room)
        self._waiting: list[str] = []
        self._n_letters = 0

    def __len__(self) -> int:
        """How many words were given, those that were there before among them."""
        return self._n_words

    def extend(self, words: Sequence[str]) -> None:
        """Take the next words.

        Raises:
            InputError: one that waits is no valid Unicode; if ``strict``, it was there before.
            OutputError: there is no room for a run.
        """
        self._waiting += words
        self._n_words += len(words)
        self._n_letters += sum(map(len, words))
        if self._n_words - self._n_sorted >= RUN_WORDS or self._n_letters >= RUN_LETTERS:
            run = SpooledWords(self._spool)
            run.add(*self._sorted_run())
            self._runs.append(iter(run))

    def finish(self) -> tuple[list[Part], Ranks]:
        """Return the parts, and the ranks that words were given that had been there before, ascending.

        Raises:
            InputError: a word is too long; if ``strict``, a word was there before.
            OutputError: there is no room for the parts.
        """
        last = self._sorted_run()
        parts, _ = cut(merged([*self._runs, iter([last])]), self._cuts, gone=self._gone, room=self._room)
        return parts, _joined(self._gone or [])

    def _sorted_run(self) -> Numbered:
        texts = Texts.of_words(self._waiting)
        order = texts.ascending()
        (run,) = distinct([(texts.take(order), self._n_sorted + order)], self._gone)
        self._waiting, self._n_letters, self._n_sorted = [], 0, self._n_words
        return run


def cut(
    numbered: Iterable[Numbered],
    cuts: Sequence[int],
    *,
    ordered: bool = True,
    gone: list[Ranks] | None = None,
    room: Room | None = None,
) -> tuple[list[Part], list[Ranks]]:
    """Distribute ascending words to parts by their rank; return the parts, and the ranks of the words of each.

    Ranks are counted from the first one of a part. Without ``ordered`` a word's rank in its part is its place in the
    part's list; the ranks returned are then those that the words had, counted from 0.

    Args:
        numbered: see :func:`merged`.
        cuts: ends of parts, but of the last.
        ordered: whether parts have an order.
        gone: ranks without a word, counted by no part; takes those of words that are there already. Without it, such
            words are refused.
        room: for the parts.
    """
    writers = [_PartWriter(room) for _ in range(len(cuts) + 1)]
    known = _joined(gone or [])
    for words, ranks in distinct(numbered, gone):
        owners = np.searchsorted(cuts, _closed_up(ranks, known), side="right")
        for number, writer in enumerate(writers):
            chosen = np.flatnonzero(owners == number)
            if len(chosen):
                writer.add(words.take(chosen), ranks[chosen])
    filled = [writer for writer in writers if writer.n_words]
    parts, start, all_gone = list[Part](), 0, _joined(gone or [])
    for number, writer in enumerate(filled):
        parts.append(writer.finish(number, start, all_gone, ordered=ordered))
        start += writer.n_words
    return parts, [writer.ranks for writer in filled]


def _joined(gone: Sequence[Ranks]) -> Ranks:
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *gone]))


def _closed_up(ranks: Ranks, gone: Ranks) -> Ranks:
    """Ranks as they are without some others."""
    return ranks - np.searchsorted(gone, ranks) if len(gone) else ranks


class _PartWriter:
    """Makes a part from ascending words and their ranks, counted from anywhere."""

    def __init__(self, room: Room | None) -> None:
        self.n_words = 0
        self._room = room
        self._words = WordListWriter(room)
        self._ranks = Spool(room)

    def add(self, words: Texts, ranks: Ranks) -> None:
        self.n_words += len(ranks)
        self._words.add(words)
        self._ranks.write(ranks)

    @property
    def ranks(self) -> Ranks:
        """Of all words."""
        return self._ranks.array().view(np.int64)

    def finish(self, number: int, start: int, gone: Ranks, *, ordered: bool) -> Part:
        """Return the part; with an order, that of the ranks from ``start`` on, as they are without those ``gone``."""
        words = WordList(f"words.{number}", *self._words.finish())
        if not ordered:
            return Part(words, None, "")
        chunks = (_closed_up(ranks, gone) - start for ranks in chunked(self.ranks))
        packed = pack_order(chunks, self.n_words, self._room)
        return Part(words, lambda: packed, f"order.{number}")
