"""Texts as vectors in scikit-learn's pipelines (``pip install '.[eval]'``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from embcomp.arrays import AnyArray, FloatArray
from embcomp.keyed import open_vectors
from embcomp.text import Weighting


class TextVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turns texts into the vectors that :meth:`~embcomp.keyed.CompressedVectors.encode` gives.

    Args:
        path: an ``.embc`` file.
        weighting: ``mean``, ``sif``, or ``None`` for ``sif`` for words in order of frequency.
        normalize: scale vectors to unit length; ``None`` as a sentence model does, and not for words.

    Attributes:
        vectors_: the opened file. A pickled transformer opens it again by its path.
    """

    def __init__(self, path: str | Path, weighting: Weighting | None = None, normalize: bool | None = None) -> None:
        self.path = path
        self.weighting = weighting
        self.normalize = normalize

    def fit(self, texts: Any = None, y: Any = None) -> TextVectorizer:
        """Open the file; nothing is learned from ``texts``.

        Raises:
            InputError, ContainerError: it cannot be read, or is refused.
        """
        self.vectors_ = open_vectors(self.path)
        return self

    def transform(self, texts: Sequence[str]) -> FloatArray:
        """Return the vectors of n texts, float32, shape (n, dim)."""
        check_is_fitted(self)
        return self.vectors_.encode(list(texts), weighting=self.weighting, normalize=self.normalize)

    def get_feature_names_out(self, input_features: Any = None) -> AnyArray:
        """Return names of the columns: ``dim0``, ``dim1``, …"""
        check_is_fitted(self)
        return np.array([f"dim{number}" for number in range(self.vectors_.vector_size)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags
