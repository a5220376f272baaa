"""Nearest words, straight from the codes."""

from embcomp.search.index import Neighbours, SearchIndex, Similarity

__all__ = ["Neighbours", "SearchIndex", "Similarity"]
