"""The vector of a text: the mean of the vectors of its tokens or words.

A container with a sentence model's tokenizer splits texts as the model does (:mod:`embcomp.text.tokens`); any other
by its words (:mod:`embcomp.text.words`). What has no vector is left out. In files of words in their order, frequent
ones count less, unless told otherwise: with weights of smooth inverse frequency
[Arora 2017, eq. 2] the word of rank r counts a / (a + p(r)); where the paper counts words in a corpus, p(r) is here
Zipf's law, 1 / (r · H) with ranks from 1 and H the sum of all 1 / r; and no common direction is removed, which would
make a text's vector depend on the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.checks import OneOf, require
from embcomp.errors import ParameterError, UnknownTextWarning
from embcomp.text.model import TextModel
from embcomp.text.tokens import Tokens
from embcomp.text.words import Words, equal, text_vectors, tokens

Weighting: TypeAlias = Literal["mean", "sif"]
SIF_A = 1e-4  # [Arora 2017, §4.1]: good from 1e-4 to 1e-3; on STS-B's development set the lower end
BATCH_TEXTS = 1024
SHOWN_CHARACTERS = 40


class TextWords(Words, Protocol):
    """Words or tokens with vectors, and perhaps a tokenizer."""

    def __len__(self) -> int: ...

    @property
    def ordered(self) -> bool:
        """Whether rows are in the order of the source, that is, by frequency."""

    @property
    def text(self) -> TextModel | None:
        """A sentence model's tokenizer and rules; ``None`` for words."""


class TextEncoder:
    """Turns texts into vectors with the words or tokens of an embedding."""

    def __init__(self, words: TextWords) -> None:
        self._words = words

    @property
    def dim(self) -> int:
        """Numbers per vector."""
        return self._words.dim

    def encode(
        self, texts: Sequence[str], *, weighting: Weighting | None = None, normalize: bool | None = None
    ) -> tuple[FloatArray, RowIds]:
        """Return the vectors of texts, and how many known words or tokens each has.

        Args:
            texts: n strings.
            weighting: ``mean``; ``sif`` for words in order of frequency; ``None`` for ``sif`` where it is allowed.
            normalize: scale vectors to unit length; ``None`` as the sentence model does, and not for words.

        Returns:
            float32, shape (n, dim): zeros for a text without known words, with a warning; and int64, shape (n,).

        Raises:
            ParameterError: the weighting is not allowed here, or a package is missing.
            CorruptError: the stored tokenizer is refused.
        """
        weighting = self._checked(weighting)
        weights = self._sif if weighting == "sif" else equal
        if normalize is None:
            normalize = self._words.text is not None and self._words.text.rules.normalize
        vectors = np.zeros((len(texts), self._words.dim), dtype=np.float32)
        counts = np.zeros(len(texts), dtype=np.int64)
        for start in range(0, len(texts), BATCH_TEXTS):
            rows = self._rows(texts[start : start + BATCH_TEXTS])
            counts[start : start + len(rows)] = [len(each) for each in rows]
            vectors[start : start + len(rows)] = text_vectors(self._words, rows, weights)
        _warn_of_unknown(texts, counts)
        return (_normalized(vectors) if normalize else vectors), counts

    def _checked(self, weighting: Weighting | None) -> Weighting:
        by_frequency = self._words.text is None and self._words.ordered
        if weighting is None:
            return "sif" if by_frequency else "mean"
        require("weighting", weighting, OneOf(*get_args(Weighting)))
        if weighting == "sif" and not by_frequency:
            what = "of words without their order" if self._words.text is None else "of a sentence model"
            raise ParameterError(f"`weighting` must be 'mean' for a file {what}, got 'sif'")
        return weighting

    @cached_property
    def _tokens(self) -> Tokens | None:
        return None if self._words.text is None else Tokens(self._words.text, self._words.rows)

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Rows of the tokens or words of each text that have a vector."""
        if self._tokens is not None:
            return self._tokens.rows(texts)
        found, _ = tokens(self._words, texts)
        return [[row for row in rows if row >= 0] for rows in found]

    def _sif(self, rows: RowIds) -> DoubleArray:
        weights: DoubleArray = SIF_A / (SIF_A + 1 / ((rows + 1) * self._harmonic))
        return weights

    @cached_property
    def _harmonic(self) -> float:
        return float((1 / np.arange(1, len(self._words) + 1)).sum())


def _normalized(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    scaled: FloatArray = vectors / lengths
    return scaled


def _warn_of_unknown(texts: Sequence[str], counts: RowIds) -> None:
    unknown = np.flatnonzero(counts == 0)
    if len(unknown):
        first = texts[int(unknown[0])]
        shown = repr(first if len(first) <= SHOWN_CHARACTERS else first[: SHOWN_CHARACTERS - 1] + "…")
        warnings.warn(
            f"{len(unknown)} of {len(texts)} texts have no known word and get a vector of zeros, "
            f"text {int(unknown[0])} first: {shown}",
            UnknownTextWarning,
            stacklevel=4,
        )
