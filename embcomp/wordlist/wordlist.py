"""A set of words in ascending order of their bytes, found by bisection, stored in two sections.

*index*  u64, bytes of all words; u64, number of pages; for each page three u32: how many words it has, the bytes of
         its first word, the bytes of its stream; then the first words, one after the other.
*pages*  the streams, one after the other (see :mod:`embcomp.wordlist.pages`). A page of one word has none.

Opening reads the index. Finding a word reads one page, which is one range of the second section.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import chain, pairwise
from operator import lt

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.errors import CorruptError
from embcomp.memory import forget
from embcomp.wordlist.pages import MAX_DENSITY, MAX_PAGE_TEXT, MAX_PAGE_WORDS, Page
from embcomp.wordlist.texts import Texts

HEAD = struct.Struct("<QQ")
COLUMNS = 3
MAX_WORD_BYTES = 2**20
CACHED_PAGES = 350  # of some 12 kB: 358,000 words
FIRST = np.zeros(1, dtype=np.int64)
FORGOTTEN_PAGES = 256  # at once, of those that are read one after the other


class WordList:
    """Distinct words, numbered from 0 in ascending order of their UTF-8 bytes."""

    def __init__(self, name: str, index: bytes | memoryview, pages: bytes | memoryview) -> None:
        """Open a list over buffers; the pages are read when they are needed.

        Args:
            name: of the list, for messages.
            index: the section of that name.
            pages: likewise.

        Raises:
            CorruptError: the index breaks a rule of the format.
        """
        self.name = name
        self.index, self.pages = index, pages
        if len(index) < HEAD.size:
            raise self._corrupt("its index ends too early")
        self.text_bytes, n_pages = HEAD.unpack_from(index)
        start = HEAD.size + 4 * COLUMNS * n_pages
        if len(index) < start:
            raise self._corrupt("its index ends too early")
        table = np.frombuffer(index, dtype="<u4", count=COLUMNS * n_pages, offset=HEAD.size).reshape(n_pages, COLUMNS)
        ends = np.zeros((n_pages + 1, COLUMNS), dtype=np.int64)
        np.cumsum(table, axis=0, dtype=np.int64, out=ends[1:])
        self._starts, letters, self._places = ends.T.tolist()
        if start + letters[-1] != len(index) or self._places[-1] != len(pages):
            raise self._corrupt("its index does not fit its length")
        self._firsts = [bytes(index[start + begin : start + end]) for begin, end in pairwise(letters)]
        self._check(table)
        self._open_page = partial(_open_page, name, self._firsts, self._starts, self._places, pages)
        self._page = lru_cache(CACHED_PAGES)(self._open_page)  # without ``self``: a cycle would keep a file mapped

    def __len__(self) -> int:
        length: int = self._starts[-1]
        return length

    def __iter__(self) -> Iterator[bytes]:
        """All words, ascending; raises as :meth:`by_page`."""
        return chain.from_iterable(words.each() for words in self.by_page())

    def by_page(self) -> Iterator[Texts]:
        """All words, ascending, a page at a time.

        Raises:
            CorruptError: a page breaks a rule of the format.
        """
        text_bytes = 0
        for number in range(len(self._firsts)):
            words = self._words(number)
            text_bytes += len(words.letters)
            if text_bytes > self.text_bytes:
                break
            yield words
            if number % FORGOTTEN_PAGES == 0:
                forget(self.pages)
        if text_bytes != self.text_bytes:
            raise self._corrupt(f"its words have {text_bytes} bytes, its index says {self.text_bytes}")

    def find(self, word: bytes) -> int:
        """Return the number of ``word``, or −1."""
        found = np.array([-1])
        self._find_in_page(bisect_right(self._firsts, word) - 1, [word], FIRST, found)
        return int(found[0])

    def find_many(self, words: list[bytes]) -> NDArray[np.int64]:
        """Return the numbers of many words, −1 where one is missing; each page is opened once."""
        found = np.full(len(words), -1, dtype=np.int64)
        pages = self._pages_of(words)
        order = np.argsort((pages + 1).astype(np.min_scalar_type(len(self._firsts))), kind="stable")  # a radix sort
        bounds = np.flatnonzero(np.diff(pages[order], prepend=-2, append=-2))
        for start, stop in pairwise(bounds.tolist()):
            self._find_in_page(int(pages[order[start]]), words, order[start:stop], found)
        return found

    def _pages_of(self, words: list[bytes]) -> NDArray[np.int64]:
        """The page that each word is in, if it is there; −1 for words below all."""
        pages = np.empty(len(words), dtype=np.int64)
        if kernels.native is not None:
            kernels.native.places(self._firsts, words, pages)
        else:
            pages[:] = [bisect_right(self._firsts, word) for word in words]
        return pages - 1

    def word(self, number: int) -> bytes:
        """Return word ``number``."""
        page = bisect_right(self._starts, number) - 1
        if number == self._starts[page]:
            return self._firsts[page]
        return self._page(page).word(number - self._starts[page])

    def read_many(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """Return the words of the given numbers, int64, in their order."""
        words = [b""] * len(numbers)
        for each in np.argsort(numbers, kind="stable").tolist():  # page after page
            words[each] = self.word(int(numbers[each]))
        return words

    def _find_in_page(
        self, number: int, words: list[bytes], chosen: NDArray[np.int64], found: NDArray[np.int64]
    ) -> None:
        """Set the numbers of some words, none of which can be in another page, unless they are missing."""
        if number < 0:
            return
        start, first = self._starts[number], self._firsts[number]
        if self._starts[number + 1] == start + 1:
            found[chosen] = [start if words[each] == first else -1 for each in chosen.tolist()]
        else:
            self._page(number).find_many(words, chosen, start, found)

    def _words(self, number: int) -> Texts:
        """All words of one page, which is not kept."""
        if self._starts[number + 1] == self._starts[number] + 1:
            return Texts.of_bytes([self._firsts[number]])
        words = self._open_page(number).words()
        if number + 1 < len(self._firsts) and words.word(len(words.lengths) - 1) >= self._firsts[number + 1]:
            raise self._corrupt(f"page {number} has words that do not ascend")
        return words

    def _check(self, table: NDArray[np.uint32]) -> None:
        """Refuse what no writer makes."""
        words, letters, stream = table.T
        alone = words == 1
        if (words < 1).any() or (words > MAX_PAGE_WORDS).any() or (alone != (stream == 0)).any():
            raise self._corrupt(f"a page must have 1 to {MAX_PAGE_WORDS} words")
        if (words - 1 > MAX_DENSITY * stream.astype(np.int64)).any():
            raise self._corrupt(f"a page must have at most {MAX_DENSITY} words for each of its bytes")
        if (letters > np.where(alone, MAX_WORD_BYTES, MAX_PAGE_TEXT)).any():
            raise self._corrupt("a first word is too long")
        least = int(letters.sum(dtype=np.int64))
        if not least <= self.text_bytes <= least + MAX_PAGE_TEXT * len(table):
            raise self._corrupt("its index has a wrong number of bytes of all words")
        if not all(map(lt, self._firsts, self._firsts[1:])):
            raise self._corrupt("first words do not ascend")

    def _corrupt(self, problem: str) -> CorruptError:
        return CorruptError(f"section {self.name!r}: {problem}")


def _open_page(
    name: str, firsts: list[bytes], starts: list[int], places: list[int], pages: bytes | memoryview, number: int
) -> Page:
    n_words = starts[number + 1] - starts[number]
    stream = pages[places[number] : places[number + 1]]
    return Page(f"section {name!r}: page {number}", firsts[number], n_words, stream)
