"""An ``.embc`` file with the names and meanings of gensim's KeyedVectors; neighbours in uncompressed vectors."""

from embcomp.keyed.keyed_vectors import CompressedVectors, open_vectors
from embcomp.keyed.plain import PlainVectors

__all__ = ["CompressedVectors", "PlainVectors", "open_vectors"]
