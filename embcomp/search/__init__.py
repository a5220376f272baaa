"""Nearest words, found in the codes without decoding."""

from embcomp.kernels.sums import rounded
from embcomp.search.index import Neighbours, SearchIndex, Similarity

__all__ = ["Neighbours", "SearchIndex", "Similarity", "rounded"]
