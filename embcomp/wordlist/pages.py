"""A page of sorted words, front-coded: how many bytes of another word are kept, and which new ones follow.

The words of a page are numbered from 0. The first one stands in the index. A *head* (its number is a multiple of 16)
is coded against the head before it, any other word against the word before it. So a word is found by a bisection of
the heads and at most 15 steps. A page holds the heads and then the other words; before it is compressed, that is

* one byte for each word: ``kept << 4 | new``, how many bytes are kept and how many are new; 15 stands for 15 or more;
* for every 15 among them, in their order: bytes to be added to it, up to and including the first one below 255;
* the new bytes of all words.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from operator import lt

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.errors import CorruptError
from embcomp.wordlist.deflate import inflate

HEAD_EVERY = 16
STEPS = HEAD_EVERY - 1
MAX_PAGE_WORDS = 1024
MAX_PAGE_TEXT = 2**16  # bytes of all words of a page together, unless it has one word only
MAX_CONTENT = MAX_PAGE_TEXT + 4 * MAX_PAGE_WORDS  # bytes of letters, lengths, and long lengths at their worst
MAX_RATIO = 8  # of a page's content to its stream: Huffman codes have a bit or more for each byte
MAX_DENSITY = MAX_RATIO // 2  # words for each byte of a stream: every word but the first takes two bytes of content
LONG = 15
CONTINUED = 255
KEPT = bytes(pair >> 4 for pair in range(256))
NEW = bytes(pair & 15 for pair in range(256))
LONG_PAIR = re.compile(b"[\xf0-\xff\x0f\x1f\x2f\x3f\x4f\x5f\x6f\x7f\x8f\x9f\xaf\xbf\xcf\xdf\xef]")

Numbers = NDArray[np.int64]


class Page:
    """The words of one page, decoded when asked for."""

    __slots__ = ("_bounds", "_decoded", "_heads", "_kept", "_n_heads", "_name", "_text", "n_words")

    def __init__(self, name: str, first: bytes, n_words: int, stream: bytes | memoryview) -> None:
        """Inflate a page.

        Args:
            name: of the page, for messages.
            first: its first word.
            n_words: how many it has, from 2 to :data:`MAX_PAGE_WORDS`.
            stream: the compressed page.

        Raises:
            CorruptError: it breaks a rule of the format. The other methods raise it too.
        """
        self._name = name
        content = inflate(stream, min(MAX_CONTENT, MAX_RATIO * len(stream)))
        if content is None or len(content) < n_words:
            raise CorruptError(f"{self._name} cannot be inflated")
        pairs, self._text = content[: n_words - 1], content[n_words - 1 :]
        self.n_words = n_words
        self._n_heads = (n_words - 1) // HEAD_EVERY  # beside the first word
        self._kept: Sequence[int] = pairs.translate(KEPT)
        new = np.frombuffer(b"\0" + pairs.translate(NEW), dtype=np.uint8)
        self._bounds = new.cumsum(dtype=np.int64)  # between the new bytes of one word and those of the next
        if self._bounds[-1] != len(self._text):  # only then there are long lengths
            self._kept, self._bounds = self._with_long_lengths(pairs)
            text_bytes = len(first) + sum(self._kept) + int(self._bounds[-1] - self._bounds[0])
            if self._bounds[-1] != len(self._text) or text_bytes > MAX_PAGE_TEXT:
                raise CorruptError(f"{self._name} has lengths that are not allowed")
        self._heads = [first]  # as many as were needed so far
        self._decoded = self._all(first)
        if self._decoded is not None:
            self._kept, self._bounds, self._text = (), self._bounds[:0].copy(), b""  # needed no more

    def _all(self, first: bytes) -> tuple[bytes, NDArray[np.int32]] | None:
        """All words and where they end, by the extension; ``None`` without it.

        ``None`` too where a rule is broken: the methods find that when they come to it.
        """
        if kernels.native is None:
            return None
        kept = np.frombuffer(self._kept, np.uint8) if isinstance(self._kept, bytes) else self._kept
        letters, ends = np.empty(MAX_PAGE_TEXT, dtype=np.uint8), np.empty(self.n_words, dtype=np.int32)
        sizes = (self.n_words, HEAD_EVERY)
        whole = np.array(kept, dtype=np.int32)
        if not kernels.native.page_words(first, whole, self._bounds, self._text, letters, ends, sizes):
            return None
        return letters[: ends[-1]].tobytes(), ends

    def word(self, number: int) -> bytes:
        """Return word ``number``."""
        if self._decoded is not None:
            letters, ends = self._decoded
            return letters[int(ends[number - 1]) if number else 0 : int(ends[number])]
        block, step = divmod(number, HEAD_EVERY)
        return self._block(block, step)[-1]

    def words(self) -> list[bytes]:
        """Return all words, having checked that they ascend and are no longer than allowed."""
        if self._decoded is not None:
            letters, ends = self._decoded
            return [letters[start:end] for start, end in pairwise([0, *ends.tolist()])]
        words = [word for block in range(self._n_heads + 1) for word in self._block(block, STEPS)]
        self._require_ascending(words)
        if sum(map(len, words)) > MAX_PAGE_TEXT:  # long lengths were added up before
            raise CorruptError(f"{self._name} has words of more than {MAX_PAGE_TEXT} bytes")
        return words

    def find_many(self, words: list[bytes], chosen: Numbers, start: int, out: Numbers) -> None:
        """Set out[i] to ``start`` plus the number of words[i] for all i of ``chosen``, unless it is not there."""
        if self._decoded is not None and kernels.native is not None:
            kernels.native.page_find(*self._decoded, words, chosen, start, out)
            return
        for each in chosen.tolist():
            number = self._find(words[each])
            if number >= 0:
                out[each] = start + number

    def _find(self, word: bytes) -> int:
        """Return the number of ``word``, which is not below the first word, or −1."""
        heads = self._heads_up_to(word)
        block = bisect_right(heads, word) - 1
        if heads[block] == word:
            return block * HEAD_EVERY
        words = self._chain(heads[block], *self._coded(block), word)
        return block * HEAD_EVERY + len(words) - 1 if words[-1] == word else -1

    def _block(self, block: int, n_steps: int) -> list[bytes]:
        """A head and up to ``n_steps`` words after it."""
        start, stop = self._coded(block)
        return self._chain(self._heads_up_to(None)[block], start, min(start + n_steps, stop))

    def _coded(self, block: int) -> tuple[int, int]:
        """Where the words after a head are coded."""
        start = self._n_heads + block * STEPS
        return start, min(start + STEPS, self.n_words - 1)

    def _heads_up_to(self, word: bytes | None) -> list[bytes]:
        """The heads, the first word among them, at least up to the first one that is not below ``word``."""
        heads = self._heads
        if len(heads) <= self._n_heads and (word is None or heads[-1] < word):
            more = self._chain(heads[-1], len(heads) - 1, self._n_heads, word)
            self._require_ascending(more)
            self._heads = heads = heads[:-1] + more  # in one step: another thread may be reading
        return heads

    def _chain(self, word: bytes, start: int, stop: int, last: bytes | None = None) -> list[bytes]:
        """``word``, and what is coded there, each against the one before; up to the first one not below ``last``."""
        words, text = [word], self._text
        begin, *ends = self._bounds[start : stop + 1].tolist()
        for kept, end in zip(self._kept[start:stop], ends, strict=True):
            if kept > len(word):
                raise CorruptError(f"{self._name} keeps more of a word than there is")
            word = word[:kept] + text[begin:end]
            begin = end
            words.append(word)
            if last is not None and word >= last:
                break
        return words

    def _require_ascending(self, words: list[bytes]) -> None:
        if not all(map(lt, words, words[1:])):
            raise CorruptError(f"{self._name} has words that do not ascend")

    def _with_long_lengths(self, pairs: bytes) -> tuple[list[int], Numbers]:
        """How many bytes each word keeps, and the bounds of the new bytes."""
        kept = list(pairs.translate(KEPT))
        new = np.frombuffer(b"\0" + pairs.translate(NEW), dtype=np.uint8).astype(np.int64)
        at = 0
        for match in LONG_PAIR.finditer(pairs):
            number = match.start()
            if kept[number] == LONG:
                kept[number], at = self._long_length(at)
            if new[number + 1] == LONG:
                new[number + 1], at = self._long_length(at)
        return kept, at + np.cumsum(new)

    def _long_length(self, start: int) -> tuple[int, int]:
        """A length whose bytes start there, and where they end."""
        end = start
        while self._text[end : end + 1] == b"\xff":
            end += 1
        if end == len(self._text):
            raise CorruptError(f"{self._name} has lengths that are not allowed")
        return LONG + CONTINUED * (end - start) + self._text[end], end + 1
