"""Numbered words in ascending order: kept in a spool, merged, and freed of repeated ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp.errors import InputError
from embcomp.memory import forget
from embcomp.spool import Spool
from embcomp.threads import CHUNK_ROWS
from embcomp.wordlist import Texts
from embcomp.wordlist.texts import shared_prefixes

BLOCK_WORDS, BLOCK_BYTES = 2**11, 2**17  # of a run, read at once
MERGED_WORDS, MERGED_BYTES = 2**17, 2**22  # of all runs, merged at once

Ranks = NDArray[np.int64]
Numbered = tuple[Texts, Ranks]  # words in ascending order, and the rank of each


class SpooledWords:
    """Numbered words that wait in a spool, which they may share with others.

    Attributes:
        n_letters: bytes of all words.
    """

    def __init__(self, spool: Spool) -> None:
        self.n_letters = 0
        self._spool = spool
        self._blocks: list[tuple[int, int, int]] = []  # where it starts, how many words, how many letters

    def add(self, words: Texts, ranks: Ranks) -> None:
        """Take the next words, to be read in blocks of some thousands."""
        ends, start = np.append(0, np.cumsum(words.lengths)), 0
        while start < len(ranks):
            within = int(np.searchsorted(ends, ends[start] + BLOCK_BYTES, side="right")) - 1
            stop = max(start + 1, min(start + BLOCK_WORDS, within))
            letters = words.letters[ends[start] : ends[stop]]
            self.n_letters += len(letters)
            self._blocks.append((len(self._spool), stop - start, len(letters)))
            for array in (ranks[start:stop], words.lengths[start:stop], letters):
                self._spool.write(array)
            start = stop

    def __iter__(self) -> Iterator[Numbered]:
        """Read the blocks."""
        for start, n_words, n_letters in self._blocks:
            data = self._spool.read(start, 16 * n_words + n_letters)
            ranks, lengths = np.frombuffer(data, dtype=np.int64, count=2 * n_words).reshape(2, n_words)
            yield Texts(np.frombuffer(data, dtype=np.uint8, offset=16 * n_words), lengths), ranks


def merged(runs: Sequence[Iterator[Numbered]]) -> Iterator[Numbered]:
    """All words of some runs, in ascending order, some thousands at a time; equal ones at once, by run.

    Args:
        runs: blocks of words; within a run words ascend, and none is equal to another.
    """
    waiting = [_Waiting(run) for run in runs]
    while waiting:
        for run in waiting:
            run.fill(-(-MERGED_WORDS // len(waiting)), -(-MERGED_BYTES // len(waiting)))
        bound = min((run.last for run in waiting if not run.ended), default=None)
        taken = [run.take(bound) for run in waiting]
        words, ranks = Texts.joined([block for block, _ in taken]), np.concatenate([each for _, each in taken])
        if len(taken) > 1:
            order = words.ascending()
            words, ranks = words.take(order), ranks[order]
        yield words, ranks
        waiting = [run for run in waiting if len(run) or not run.ended]


class _Waiting:
    """The next words of a run."""

    def __init__(self, run: Iterator[Numbered]) -> None:
        self._run = run
        self._words, self._ranks = Texts.of_bytes([]), np.zeros(0, dtype=np.int64)
        self._starts = self._words.starts
        self.ended = False

    def __len__(self) -> int:
        return len(self._ranks)

    def fill(self, n_words: int, n_bytes: int) -> None:
        """Read until there are so many words, or bytes, or the run ends."""
        new = [(self._words, self._ranks)]
        while sum(len(ranks) for _, ranks in new) < n_words and sum(len(text) for (text, _), _ in new) < n_bytes:
            block = next(self._run, None)
            if block is None:
                self.ended = True
                break
            new.append(block)
        if len(new) > 1:
            self._set(Texts.joined([words for words, _ in new]), np.concatenate([ranks for _, ranks in new]))

    @property
    def last(self) -> bytes:
        """The last word that was read."""
        return self._word(len(self) - 1)

    def take(self, bound: bytes | None) -> Numbered:
        """Return the words up to ``bound``, and no longer wait with them; ``None``: all."""
        n_words = len(self) if bound is None else bisect_right(range(len(self)), bound, key=self._word)
        place = len(self._words.letters) if n_words == len(self) else int(self._starts[n_words])
        (letters, lengths), ranks = self._words, self._ranks
        self._set(Texts(letters[place:], lengths[n_words:]), ranks[n_words:])
        return Texts(letters[:place], lengths[:n_words]), ranks[:n_words]

    def _word(self, number: int) -> bytes:
        start = int(self._starts[number])
        return self._words.letters[start : start + int(self._words.lengths[number])].tobytes()

    def _set(self, words: Texts, ranks: Ranks) -> None:
        self._words, self._ranks, self._starts = words, ranks, words.starts


def distinct(numbered: Iterable[Numbered], gone: list[Ranks] | None = None) -> Iterator[Numbered]:
    """Pass on ascending words without those that follow an equal one; their ranks go to ``gone``.

    Raises:
        InputError: there is one, and no ``gone``.
    """
    last = Texts.of_bytes([])
    for words, ranks in numbered:
        both = Texts.joined([last, words])
        repeated = _repeated(both)
        if len(repeated) and gone is None:
            word = both.word(int(repeated[0])).decode()
            raise InputError(f"vocabulary: words must be distinct, got {word!r} twice")
        last = both.take(np.arange(len(both.lengths))[-1:])
        if not len(repeated) or gone is None:
            yield words, ranks
            continue
        following = repeated + len(ranks) + 1 - len(both.lengths)
        gone.append(ranks[following])
        kept = np.delete(np.arange(len(ranks)), following)
        yield words.take(kept), ranks[kept]


def _repeated(words: Texts) -> NDArray[np.int64]:
    """The numbers of words that the next one is equal to."""
    starts, lengths = words.starts, words.lengths
    alike = np.flatnonzero(lengths[:-1] == lengths[1:])
    shared = shared_prefixes(words.letters, starts[alike], starts[alike + 1], lengths[alike])
    repeated: NDArray[np.int64] = alike[shared == lengths[alike]]
    return repeated


def chunked(ranks: Ranks) -> Iterator[Ranks]:
    """Yield ranks, which may be mapped from a file, some thousands at a time."""
    for start in range(0, len(ranks), CHUNK_ROWS):
        yield ranks[start : start + CHUNK_ROWS]
        forget(ranks)
