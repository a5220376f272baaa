"""Nearest words, found in the codes without decoding."""

from embcomp.search.engines import Engine
from embcomp.search.index import Neighbours, SearchIndex, Similarity
from embcomp.search.nearest import rounded

__all__ = ["Engine", "Neighbours", "SearchIndex", "Similarity", "rounded"]
