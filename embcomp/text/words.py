"""Texts as vectors: the mean of their words' vectors, as long as these are.

A text is split at white space. That is all for data sets that come as separate words (:func:`split_at_spaces`). In
plain text (:func:`tokens`) what is not a word of the vocabulary, as written or in lower case, is split further: each
punctuation mark, symbol of ASCII and Chinese character is a word, and so is what lies between two of them. It is
looked up as written, in lower case, then in lower case without accents.

A vocabulary of *pieces* of words (``##ing``), that of BERT and of static models made from it, has no words with
marks: everything is split as above. A missing word is then the longest piece at its start, the longest that follows,
and so on [Wu 2016, §4.1]; it stays missing if that fails, or if it has more than 100 characters. These are the tokens
of BERT's own tokenizer, but for control characters, which it drops.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from string import ascii_lowercase
from typing import Protocol

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray, RowIds

PIECE = "##"
MOST_SPLIT = 2**17  # words whose parts are kept in memory: texts are scored again and again
MOST_CHARACTERS = 100  # of a word that is split into pieces, as in BERT
ASCII_SYMBOLS = "$+<=>^`|~"  # the others are punctuation
CHINESE = (  # as in BERT
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
    *((0x20000, 0x2A6DF), (0x2A700, 0x2B81F), (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F)),
)

TextRows = Sequence[Sequence[int]]
"""For each text the rows of its words, −1 for a missing one."""


class Words(Protocol):
    """Words with vectors."""

    @property
    def dim(self) -> int:
        """Numbers per vector."""

    def rows(self, words: Iterable[str]) -> RowIds:
        """Return the rows of many words, int64, −1 where a word is missing."""

    def decode_rows(self, rows: RowIds) -> FloatArray:
        """Return the vectors of the given rows, float32, shape (k, dim)."""


def find_rows(target: Words, words: Sequence[str]) -> RowIds:
    """Return rows of ``words``, int64, −1 where missing; lower-casing is the fallback."""
    rows = target.rows(words)
    missing = np.flatnonzero(rows < 0)
    rows[missing] = target.rows([words[i].lower() for i in missing.tolist()])
    return rows


def split_at_spaces(target: Words, texts: Sequence[str]) -> tuple[TextRows, int]:
    """Return the rows of the words of each text, and the number of distinct words that are missing."""
    return _rows(texts, lambda words: {word: [row] for word, row in _found(target, words).items()})


def tokens(target: Words, texts: Sequence[str]) -> tuple[TextRows, int]:
    """Return the rows of the words and pieces of each plain text, see the module's text, and how many are missing.

    A target of which the same texts are asked again and again has a dictionary ``found`` for what was found.
    """
    found: dict[tuple[str, ...], tuple[TextRows, int]] = getattr(target, "found", {})
    key = tuple(texts)
    if key not in found:
        found[key] = _rows(texts, lambda words: _rows_of_parts(target, words))
    return found[key]


def equal(rows: RowIds) -> DoubleArray:
    """Return weights of 1."""
    return np.ones(len(rows))


def text_vectors(target: Words, texts: TextRows, weights: Callable[[RowIds], DoubleArray] = equal) -> FloatArray:
    """Mean vector of each text, float32, shape (n, dim): missing words count as zeros; zeros for empty texts.

    ``weights`` gives what a word of each row counts, float64, more than 0; a missing one counts 1.
    """
    from scipy.sparse import csr_array

    rows = np.array(list(chain.from_iterable(texts)), dtype=np.int64)
    owners = np.repeat(np.arange(len(texts)), [len(each) for each in texts])
    kept = rows >= 0
    known, columns = np.unique(rows[kept], return_inverse=True)
    shares = np.ones(len(rows))
    shares[kept] = weights(known)[columns]
    shares /= np.bincount(owners, shares, minlength=len(texts))[owners]
    matrix = csr_array((shares[kept], (owners[kept], columns)), shape=(len(texts), len(known)))
    return np.asarray(matrix @ target.decode_rows(known), dtype=np.float32).reshape(len(texts), target.dim)


def _rows(texts: Sequence[str], look_up: Callable[[list[str]], Mapping[str, list[int]]]) -> tuple[TextRows, int]:
    """Split texts at white space, and replace each word by the rows that ``look_up`` gives for it."""
    split = [text.split() for text in texts]
    found = look_up(_distinct(split))
    n_missing = sum(min(rows, default=0) < 0 for rows in found.values())
    return [[row for word in words for row in found[word]] for words in split], n_missing


def _rows_of_parts(target: Words, words: list[str]) -> dict[str, list[int]]:
    pieces = bool((target.rows([PIECE + letter for letter in ascii_lowercase]) >= 0).any())
    whole = dict.fromkeys(words, -1) if pieces else _found(target, words)
    parts = {word: parts_of(word) for word, row in whole.items() if row < 0}
    rows = _rows_of_plain(target, _distinct(parts.values()), pieces=pieces)
    split = {word: [row for part in own for row in rows[part]] for word, own in parts.items()}
    return {word: [row] if row >= 0 else split[word] for word, row in whole.items()}


@lru_cache(MOST_SPLIT)
def parts_of(word: str) -> tuple[str, ...]:
    """Split a word before and after each punctuation mark, symbol of ASCII and Chinese character."""
    return tuple("".join(f" {each} " if _stands_alone(each) else each for each in word).split())


def _stands_alone(character: str) -> bool:
    code = ord(character)
    return (
        character in ASCII_SYMBOLS
        or unicodedata.category(character).startswith("P")
        or any(first <= code <= last for first, last in CHINESE)
    )


def _rows_of_plain(target: Words, words: list[str], *, pieces: bool) -> dict[str, list[int]]:
    """Rows of words, of their plain forms, or of their pieces; −1 where none are there."""
    rows = _found(target, words)
    plain = {word: _without_accents(word.lower()) for word, row in rows.items() if row < 0}
    forms = _found(target, _distinct([plain.values()]))
    missing = _distinct([[form for form in plain.values() if forms[form] < 0]])
    split = _longest_pieces(target, missing) if pieces else {word: [-1] for word in missing}
    known = {word: [row] for word, row in rows.items() if row >= 0}
    return known | {word: [forms[form]] if forms[form] >= 0 else split[form] for word, form in plain.items()}


def _longest_pieces(target: Words, words: list[str]) -> dict[str, list[int]]:
    starts = [(word, start) for word in words if len(word) <= MOST_CHARACTERS for start in range(len(word))]
    candidates = {(word, start): _pieces_at(word, start) for word, start in starts}
    listed = _distinct(candidates.values())
    row_of = dict(zip(listed, target.rows(listed).tolist(), strict=True))

    def split(word: str) -> list[int]:
        start, rows = 0, []
        while start < len(word):
            found = [piece for piece in candidates.get((word, start), ()) if row_of[piece] >= 0]
            if not found:
                return [-1]
            rows.append(row_of[found[0]])
            start += len(found[0]) - (len(PIECE) if start else 0)
        return rows or [-1]

    return {word: split(word) for word in words}


def _pieces_at(word: str, start: int) -> list[str]:
    """What a piece at ``start`` can be, the longest first."""
    mark = PIECE if start else ""
    return [mark + word[start:end] for end in range(len(word), start, -1)]


def _without_accents(word: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFD", word) if unicodedata.category(each) != "Mn")


def _found(target: Words, words: list[str]) -> dict[str, int]:
    return dict(zip(words, find_rows(target, words).tolist(), strict=True))


def _distinct(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(lists)))
