"""Many words as two arrays: sorted, taken and compared without an object for each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from os.path import commonprefix
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.errors import InputError

Numbers = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Texts(NamedTuple):
    """Words one after the other.

    Attributes:
        letters: their bytes, uint8.
        lengths: bytes of each, int64, shape (n,).
    """

    letters: Bytes
    lengths: Numbers

    @classmethod
    def of_bytes(cls, words: Sequence[bytes]) -> Texts:
        """Put words together."""
        lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        return cls(np.frombuffer(b"".join(words), dtype=np.uint8), lengths)

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Texts:
        """Put words together, in UTF-8.

        Raises:
            InputError: a word is no valid Unicode.
        """
        try:
            return cls.of_bytes(list(map(str.encode, words)))
        except UnicodeEncodeError as error:
            raise InputError(f"a word is not valid Unicode: {error.object!r} holds a lone surrogate") from error

    @classmethod
    def joined(cls, texts: Sequence[Texts]) -> Texts:
        """Put the words of several together."""
        return cls(np.concatenate([each.letters for each in texts]), np.concatenate([each.lengths for each in texts]))

    @property
    def starts(self) -> Numbers:
        """Where each word starts."""
        return np.cumsum(self.lengths) - self.lengths

    def word(self, number: int) -> bytes:
        """Return one word."""
        start = int(self.lengths[:number].sum())
        return self.letters[start : start + int(self.lengths[number])].tobytes()

    def each(self) -> list[bytes]:
        """Return all words."""
        text, ends = self.letters.tobytes(), np.cumsum(self.lengths).tolist()
        return [text[start:end] for start, end in pairwise([0, *ends])]

    def take(self, numbers: Numbers) -> Texts:
        """Return the words of the given numbers, in that order."""
        return Texts(self.letters[places(self.starts[numbers], self.lengths[numbers])], self.lengths[numbers])

    def ascending(self) -> Numbers:
        """Return the numbers of the words in ascending order of their bytes, int64; equal words stay in order."""
        if kernels.native is None:
            words = self.each()
            return np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.int64)
        order = np.empty(len(self.lengths), dtype=np.int64)
        kernels.native.ascending(self.letters, np.cumsum(self.lengths), order)
        return order


def places(starts: Numbers, lengths: Numbers) -> Numbers:
    """The places of the letters of words that start there and are so long, one word after the other."""
    return np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)


def shared_prefixes(letters: Bytes, firsts: Numbers, seconds: Numbers, limits: Numbers) -> Numbers:
    """How many bytes are equal from two places on, at most ``limits``; for many pairs of places."""
    if kernels.native is None:
        text, ends = letters.tobytes(), zip(firsts, firsts + limits, seconds, seconds + limits, strict=True)
        prefixes = [commonprefix([text[a:b], text[c:d]]) for a, b, c, d in ends]  # noqa: RUF071  of bytes, not paths
        return np.fromiter(map(len, prefixes), dtype=np.int64, count=len(prefixes))
    shared = np.empty(len(limits), dtype=np.int64)
    kernels.native.shared_prefixes(letters, *map(np.ascontiguousarray, (firsts, seconds, limits)), shared)
    return shared
