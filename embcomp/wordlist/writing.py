"""Write sorted words: cut into pages, front-coded and compressed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from embcomp.errors import InputError
from embcomp.spool import Room, Spool
from embcomp.wordlist.deflate import deflate
from embcomp.wordlist.pages import CONTINUED, HEAD_EVERY, LONG, MAX_PAGE_TEXT, MAX_PAGE_WORDS
from embcomp.wordlist.texts import Bytes, Numbers, Texts, places, shared_prefixes
from embcomp.wordlist.wordlist import HEAD, MAX_WORD_BYTES

WORDS_AT_ONCE = 2**16  # to cut into pages


class WordListWriter:
    """Makes a word list from words that come in ascending order, and holds no more than its pages."""

    def __init__(self, room: Room | None = None) -> None:
        """Start without words; the pages wait in ``room``."""
        self._table: list[tuple[int, int, int]] = []
        self._firsts = bytearray()
        self._pages = Spool(room)
        self._text_bytes = 0
        self._waiting: list[Texts] = []

    def add(self, words: Texts) -> None:
        """Take the next words.

        Raises:
            InputError: a word is longer than :data:`MAX_WORD_BYTES`.
        """
        if words.lengths.max(initial=0) > MAX_WORD_BYTES:
            word = words.word(int(words.lengths.argmax()))
            shown = word[:20].decode(errors="ignore")
            raise InputError(f"word {shown!r}… has {len(word)} bytes, at most {MAX_WORD_BYTES} are allowed")
        self._waiting.append(words)
        if sum(len(each.lengths) for each in self._waiting) >= WORDS_AT_ONCE:
            self._write(final=False)

    def finish(self) -> tuple[bytes, memoryview]:
        """Return the sections ``index`` and ``pages``."""
        self._write(final=True)
        head = HEAD.pack(self._text_bytes, len(self._table))
        return head + np.array(self._table, dtype="<u4").tobytes() + bytes(self._firsts), self._pages.array().data

    def _write(self, *, final: bool) -> None:
        """Write the pages that are full, and the last one too if it is ``final``."""
        words = Texts.joined([Texts.of_bytes([]), *self._waiting])
        n_words, n_written, n_bytes = len(words.lengths), 0, 0
        for n_of_page, first, n_text, stream in write_pages(words):
            if n_written + n_of_page == n_words and not final:
                break
            self._table.append((n_of_page, len(first), len(stream)))
            self._firsts += first
            self._pages.write(stream)
            n_written, n_bytes = n_written + n_of_page, n_bytes + n_text
        self._text_bytes += n_bytes
        self._waiting = [Texts(words.letters[n_bytes:], words.lengths[n_written:])]


def write_pages(words: Texts) -> Iterator[tuple[int, bytes, int, bytes]]:
    """Cut ascending words into pages; yield how many words each has, the first one, bytes of all, and the stream.

    A page of one word has no stream.
    """
    letters, lengths, starts = *words, words.starts
    bounds = _page_bounds(starts + lengths)
    order, base = _coding_order(np.diff(bounds))
    kept = shared_prefixes(letters, starts[order], starts[base], np.minimum(lengths[order], lengths[base]))
    new = lengths[order] - kept
    text, ends = letters[places(starts[order] + kept, new)], np.append(0, np.cumsum(new))
    for page, (start, stop) in enumerate(pairwise(bounds)):
        coded = slice(start - page, stop - page - 1)  # the first word of each page is not coded
        stream = _stream(kept[coded], new[coded], text[ends[coded.start] : ends[coded.stop]])
        first = letters[starts[start] : starts[start] + lengths[start]].tobytes()
        yield stop - start, first, int(lengths[start:stop].sum()), stream


def _page_bounds(ends: Numbers) -> list[int]:
    """Where pages start and end, for words that end there in one text."""
    bounds, before = [0], 0
    while bounds[-1] < len(ends):
        start = bounds[-1]
        fit = int(np.searchsorted(ends, before + MAX_PAGE_TEXT, side="right"))
        bounds.append(max(start + 1, min(fit, start + MAX_PAGE_WORDS)))
        before = int(ends[bounds[-1] - 1])
    return bounds


def _coding_order(page_words: Numbers) -> tuple[Numbers, Numbers]:
    """The words that are coded, page by page, the heads before the others; and what each is coded against."""
    page = np.repeat(np.arange(len(page_words)), page_words)
    word = np.arange(len(page))
    number = word - np.repeat(np.cumsum(page_words) - page_words, page_words)
    is_head = number % HEAD_EVERY == 0
    order = np.argsort(2 * page + ~is_head, kind="stable")
    order = order[number[order] > 0]
    return order, order - np.where(is_head[order], HEAD_EVERY, 1)


def _stream(kept: Numbers, new: Numbers, text: Bytes) -> bytes:
    """One page, compressed."""
    if not len(kept):
        return b""
    pairs = np.minimum(kept, LONG) << 4 | np.minimum(new, LONG)
    both = np.stack([kept, new], axis=1).reshape(-1)
    parts = [divmod(length - LONG, CONTINUED) for length in both[both >= LONG].tolist()]
    long = b"".join(bytes([CONTINUED]) * full + bytes([rest]) for full, rest in parts)
    return deflate([pairs.astype(np.uint8).tobytes() + long, text.tobytes()])
