"""Words <-> rows, both ways, without building a dictionary.

A :class:`Vocabulary` is a MARISA trie [Yata 2011] plus the permutation back to the order of the source.

*row*   where a word's code is stored: its id in the trie. ``word -> row`` is one trie lookup.
*rank*  the position the word had in the source (files are in order of frequency: rank 0 is the commonest).

The trie's Python binding stops at a NUL character, so keys are escaped: U+0001 is written U+0001 U+0002
and U+0000 is written U+0001 U+0001. Words without either character, that is all real ones, are unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any

import marisa_trie
import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.errors import CorruptError, InputError, MissingWordError

PackedOrder = Callable[[], bits.BytesArray]


def rank_bits(n_words: int) -> int:
    """Bits that one rank takes: enough for ``n_words - 1``, and at least 1."""
    return max(1, (n_words - 1).bit_length())


class Vocabulary:
    """An immutable set of distinct words, numbered twice: by row and by rank."""

    def __init__(
        self,
        trie: Any,
        rows_by_rank: NDArray[np.int64] | None,
        packed_order: PackedOrder | None = None,
        buffer: Any = None,
    ) -> None:
        self._trie = trie
        self._rows_by_rank = rows_by_rank
        self._packed_order = packed_order
        self._buffer = buffer  # a mapped trie points into it and does not keep it alive itself
        self._utf8_bytes: int | None = None

    @classmethod
    def build(cls, words: Sequence[str]) -> Vocabulary:
        """Number ``words``, given in source order.

        Raises:
            InputError: a word occurs twice or is no valid Unicode.
        """
        text = "".join(words)
        keys = [_escape(word) for word in words] if _needs_escape(text) else words
        try:
            utf8_bytes = len(text.encode())
        except UnicodeEncodeError as error:
            broken = next(word for word in words if text[error.start] in word)
            raise InputError(f"a word is not valid Unicode: {broken!r} holds a lone surrogate") from error
        del text  # it takes as much as the trie
        trie = marisa_trie.Trie(keys)
        if len(trie) != len(words):
            raise InputError(f"vocabulary: words must be distinct, got {len(words) - len(trie)} repeated")
        rows = np.fromiter(map(trie.__getitem__, keys), dtype=np.int64, count=len(keys))
        built = cls(trie, rows)
        built._utf8_bytes = utf8_bytes
        return built

    @classmethod
    def from_buffers(cls, trie: Any, n_words: int, packed_order: PackedOrder | None) -> Vocabulary:
        """Open a vocabulary over buffers, without copying them.

        Args:
            trie: what :attr:`trie_bytes` gave; any buffer.
            n_words: how many words the container promises.
            packed_order: gives what :meth:`pack_order` gave, when it is wanted; ``None`` if the source order was
                dropped.

        Raises:
            CorruptError: the trie cannot be read or holds another number of words.
        """
        opened = marisa_trie.Trie()
        try:
            opened.map(trie)
        except (RuntimeError, ValueError) as error:
            raise CorruptError(f"section 'vocabulary' is not a MARISA trie: {error}") from error
        if len(opened) != n_words:
            raise CorruptError(f"section 'vocabulary' holds {len(opened)} words, the header says {n_words}")
        return cls(opened, None, packed_order, trie)

    @property
    def trie_bytes(self) -> bytes:
        """The trie, as stored."""
        data: bytes = self._trie.tobytes()
        return data

    def utf8_bytes(self) -> int:
        """Bytes of all words in UTF-8, added up."""
        if self._utf8_bytes is None:
            self._utf8_bytes = sum(len(word.encode()) for word in map(self.word, range(len(self))))
        return self._utf8_bytes

    def pack_order(self) -> bits.BytesArray:
        """The rows by rank, :func:`rank_bits` bits each, as a stream (see :mod:`embcomp.bits`)."""
        width = rank_bits(len(self))
        return bits.tighten(bits.pack_symbols(self.rows_by_rank[:, None], width), width)

    @property
    def has_order(self) -> bool:
        """Whether ranks are those of the source; if not, rank and row are the same number."""
        return self._rows_by_rank is not None or self._packed_order is not None

    @cached_property
    def rows_by_rank(self) -> NDArray[np.int64]:
        """Row of each rank, int64, shape (n,)."""
        n_words = len(self)
        if self._rows_by_rank is not None:
            return self._rows_by_rank
        if self._packed_order is None:
            return np.arange(n_words, dtype=np.int64)
        width = rank_bits(n_words)
        loose = bits.loosen(self._packed_order(), width, 0, n_words)
        rows = bits.unpack_symbols(loose, 1, width)[:, 0].astype(np.int64)
        if n_words and (rows.max() >= n_words or np.bincount(rows, minlength=n_words).max() > 1):
            raise CorruptError("section 'order' is not a permutation of the rows")
        return rows

    @cached_property
    def ranks_by_row(self) -> NDArray[np.int64]:
        """Rank of each row, int64, shape (n,): the inverse of :attr:`rows_by_rank`."""
        ranks = np.empty(len(self), dtype=np.int64)
        ranks[self.rows_by_rank] = np.arange(len(self), dtype=np.int64)
        return ranks

    def __len__(self) -> int:
        return len(self._trie)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) >= 0

    def __iter__(self) -> Iterator[str]:
        """Words by rank."""
        return map(self.word, self.rows_by_rank.tolist())

    def find(self, word: str) -> int:
        """Return the row of ``word``, or −1."""
        try:
            row: int = self._trie.get(_escape(word), -1)
        except UnicodeEncodeError:
            return -1
        return row

    def row(self, word: str) -> int:
        """Return the row of ``word``.

        Raises:
            MissingWordError: it is not there.
        """
        row = self.find(word)
        if row < 0:
            raise MissingWordError(word)
        return row

    def rows(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of many words, int64, −1 where a word is missing."""
        listed = list(words)
        found: Iterable[int] = map(self.find, listed)
        if _all_plain("".join(listed)):
            found = map(self._trie.get, listed, repeat(-1))  # without the steps that plain words do not need
        return np.fromiter(found, dtype=np.int64, count=len(listed))

    def word(self, row: int) -> str:
        """Return the word stored at ``row``.

        Raises:
            CorruptError: what is stored there is not UTF-8.
        """
        try:
            key: str = self._trie.restore_key(row)
        except UnicodeDecodeError as error:
            raise CorruptError(f"section 'vocabulary' has a word at row {row} that is not UTF-8") from error
        return _unescape(key)


def _all_plain(text: str) -> bool:
    """Whether there is nothing to escape, and nothing that cannot be encoded."""
    if _needs_escape(text):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _needs_escape(text: str) -> bool:
    return "\x00" in text or "\x01" in text


def _escape(word: str) -> str:
    if _needs_escape(word):
        return word.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return word


def _unescape(key: str) -> str:
    if "\x01" in key:
        return key.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01")
    return key
