"""A page of sorted words, front-coded: how many bytes of another word are kept, and which new ones follow.

The words of a page are numbered from 0. The first one stands in the index. A *head* (its number is a multiple of 16)
is coded against the head before it, any other word against the word before it. So a reader can find a word by a
bisection of the heads and at most 15 steps; this one decodes the page and keeps it. A page holds the heads and then
the other words; before it is compressed, that is

* one byte for each word: ``kept << 4 | new``, how many bytes are kept and how many are new; 15 stands for 15 or more;
* for every 15 among them, in their order: bytes to be added to it, up to and including the first one below 255;
* the new bytes of all words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise
from operator import lt

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.errors import CorruptError
from embcomp.wordlist.deflate import inflate
from embcomp.wordlist.texts import Texts

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

Numbers = NDArray[np.int64] | NDArray[np.int32]


class Page:
    """The words of one page."""

    __slots__ = ("_ends", "_letters", "_name", "_text")

    def __init__(self, name: str, first: bytes, n_words: int, stream: bytes | memoryview) -> None:
        """Decode a page.

        Args:
            name: of the page, for messages.
            first: its first word.
            n_words: how many it has, from 2 to :data:`MAX_PAGE_WORDS`.
            stream: the compressed page.

        Raises:
            CorruptError: it breaks a rule of the format.
        """
        self._name = name
        content = inflate(stream, min(MAX_CONTENT, MAX_RATIO * len(stream)))
        if content is None or len(content) < n_words:
            raise CorruptError(f"{self._name} cannot be inflated")
        pairs, self._text = content[: n_words - 1], content[n_words - 1 :]
        kept: Numbers = np.frombuffer(pairs.translate(KEPT), dtype=np.uint8).astype(np.int32)
        new = np.frombuffer(b"\0" + pairs.translate(NEW), dtype=np.uint8)
        bounds: Numbers = new.cumsum(dtype=np.int64)  # between the new bytes of one word and those of the next
        if bounds[-1] != len(self._text):  # only then there are long lengths
            kept, bounds = self._with_long_lengths(pairs)
            text_bytes = len(first) + int(kept.sum(dtype=np.int64)) + int(bounds[-1] - bounds[0])
            if bounds[-1] != len(self._text) or text_bytes > MAX_PAGE_TEXT:
                raise CorruptError(f"{self._name} has lengths that are not allowed")
        self._letters, self._ends = self._in_c(first, kept, bounds) or self._slowly(first, kept, bounds)
        self._text = b""  # needed no more

    def _in_c(self, first: bytes, kept: Numbers, bounds: Numbers) -> tuple[bytes, Numbers] | None:
        """Letters of all words, and where each ends; ``None`` where a rule is broken, or without the extension."""
        letters, ends = np.empty(MAX_PAGE_TEXT, dtype=np.uint8), np.empty(len(bounds), dtype=np.int32)
        sizes = (len(bounds), HEAD_EVERY)
        if kernels.native is None or len(first) > MAX_PAGE_TEXT:
            return None
        if not kernels.native.page_words(first, kept, bounds, self._text, letters, ends, sizes):
            return None
        return letters[: ends[-1]].tobytes(), ends

    def _slowly(self, first: bytes, kept: Numbers, bounds: Numbers) -> tuple[bytes, Numbers]:
        """The same; raises where a rule is broken."""
        n_heads = kept.size // HEAD_EVERY  # beside the first word
        words = list[bytes]()
        for block, head in enumerate(self._chain(first, kept[:n_heads], bounds)):
            coded = slice(n_heads + block * STEPS, n_heads + (block + 1) * STEPS)
            words += self._chain(head, kept[coded], bounds[coded.start :])
        if not all(map(lt, words, words[1:])):
            raise CorruptError(f"{self._name} has words that do not ascend")
        lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        if lengths.sum() > MAX_PAGE_TEXT:  # long lengths were added up before
            raise CorruptError(f"{self._name} has words of more than {MAX_PAGE_TEXT} bytes")
        return b"".join(words), np.cumsum(lengths).astype(np.int32)

    def _chain(self, word: bytes, kept: Numbers, bounds: Numbers) -> list[bytes]:
        """``word``, and words each of which is coded against the one before."""
        words = [word]
        for n_kept, (begin, end) in zip(kept.tolist(), pairwise(bounds[: len(kept) + 1].tolist()), strict=True):
            if n_kept > len(word):
                raise CorruptError(f"{self._name} keeps more of a word than there is")
            word = word[:n_kept] + self._text[begin:end]
            words.append(word)
        return words

    def word(self, number: int) -> bytes:
        """Return word ``number``."""
        return self._letters[int(self._ends[number - 1]) if number else 0 : int(self._ends[number])]

    def words(self) -> Texts:
        """Return all words."""
        return Texts(np.frombuffer(self._letters, dtype=np.uint8), np.diff(self._ends, prepend=0).astype(np.int64))

    def find_many(self, words: list[bytes], chosen: Numbers, start: int, out: Numbers) -> None:
        """Set out[i] to ``start`` plus the number of words[i] for all i of ``chosen``, unless it is not there."""
        if kernels.native is not None:
            kernels.native.page_find(self._letters, self._ends, words, chosen, start, out)
            return
        for each in chosen.tolist():
            number = bisect_left(range(len(self._ends)), words[each], key=self.word)
            if number < len(self._ends) and self.word(number) == words[each]:
                out[each] = start + number

    def _with_long_lengths(self, pairs: bytes) -> tuple[Numbers, Numbers]:
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
        return np.array(kept, dtype=np.int32), at + np.cumsum(new)

    def _long_length(self, start: int) -> tuple[int, int]:
        """A length whose bytes start there, and where they end."""
        end = start
        while self._text[end : end + 1] == b"\xff":
            end += 1
        if end == len(self._text):
            raise CorruptError(f"{self._name} has lengths that are not allowed")
        return LONG + CONTINUED * (end - start) + self._text[end], end + 1
