"""Targets of an evaluation, and how a data set's words become vectors.

A word is looked up as it is written, then in lower case. A term of several words, separated by spaces, is looked
up whole, then as the mean of those of its words that are known. What is still missing is *out of vocabulary*:
it takes the mean of all vectors (``oov="mean"``, as the papers' platform does), or its row is left out (``"skip"``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.text.words import Words, find_rows

OovPolicy = Literal["mean", "skip"]


class Target(Words, Protocol):
    """Words with vectors; both ``Embedding`` and ``EncodedEmbedding`` are targets."""

    def __len__(self) -> int: ...

    @property
    def ordered(self) -> bool:
        """Whether words are known in source order, that is, by frequency."""

    def first_words(self, n_words: int) -> Sequence[str]:
        """Return the first words in source order, all of them if there are fewer."""

    def mean_vector(self) -> FloatArray:
        """Return the mean of all vectors, float32, shape (dim,)."""

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source's space to the space of decoded ones, both float32, shape (k, dim)."""

    @property
    def offset(self) -> FloatArray | None:
        """What to add to decoded vectors to return to the origin of the source; ``None`` for nothing."""


@dataclass(frozen=True)
class TermVectors:
    """The terms of a data set and their vectors.

    Attributes:
        vectors: float32, shape (n_terms, dim), aligned with the terms that were asked for.
        known: bool, shape (n_terms,): whether the vector is the term's own.
        n_oov: number of distinct terms that are out of vocabulary.
    """

    vectors: FloatArray
    known: NDArray[np.bool_]
    n_oov: int


def look_up(target: Target, terms: Sequence[str], oov: OovPolicy, *, average: bool) -> TermVectors:
    """Find the vectors of ``terms`` with one decoding of the distinct rows behind them.

    ``average`` says whether a term of several words may be the mean of its words. Vectors of missing terms are
    the target's mean for ``oov="mean"`` and zeros for ``"skip"``.
    """
    distinct = list(dict.fromkeys(terms))
    parts, owners = _rows_of_terms(target, distinct, average=average)
    rows, positions = np.unique(parts, return_inverse=True)
    decoded = target.decode_rows(rows).astype(np.float64)
    n_parts = np.bincount(owners, minlength=len(distinct))
    sums = np.zeros((len(distinct), target.dim))
    np.add.at(sums, owners, decoded[positions])
    vectors = (sums / np.maximum(n_parts, 1)[:, None]).astype(np.float32)
    known = n_parts > 0
    if oov == "mean" and not known.all():
        vectors[~known] = target.mean_vector()
    index = {term: position for position, term in enumerate(distinct)}
    aligned = np.array([index[term] for term in terms], dtype=np.int64)
    return TermVectors(vectors[aligned], known[aligned], int(np.count_nonzero(~known)))


def _rows_of_terms(
    target: Target, terms: Sequence[str], *, average: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that make up the terms, and which term each belongs to (both int64, same length)."""
    whole = find_rows(target, terms)
    found = np.flatnonzero(whole >= 0)
    if not average:
        return whole[found], found
    pieces = [(i, word) for i in np.flatnonzero(whole < 0).tolist() for word in _split(terms[i])]
    piece_rows = find_rows(target, [word for _, word in pieces])
    owners = np.array([owner for owner, _ in pieces], dtype=np.int64)
    kept = piece_rows >= 0
    return np.concatenate([whole[found], piece_rows[kept]]), np.concatenate([found, owners[kept]])


def _split(term: str) -> list[str]:
    words = term.split()
    return words if len(words) > 1 else []
