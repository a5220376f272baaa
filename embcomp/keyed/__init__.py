"""An ``.embc`` file with the names and meanings of gensim's KeyedVectors."""

from embcomp.keyed.keyed_vectors import CompressedVectors, open_vectors

__all__ = ["CompressedVectors", "open_vectors"]
