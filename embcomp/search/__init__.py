"""Nearest words, found in the codes without decoding."""

from embcomp.search.index import Neighbours, SearchIndex, Similarity
from embcomp.search.nearest import rounded

__all__ = ["Neighbours", "SearchIndex", "Similarity", "rounded"]
