"""Nearest words, found in the codes without decoding."""

from embcomp.kernels.best import rounded
from embcomp.search.index import Neighbours, SearchIndex, Similarity
from embcomp.search.nearest import by_vectors

__all__ = ["Neighbours", "SearchIndex", "Similarity", "by_vectors", "rounded"]
