"""Compress pretrained word embeddings into one small file that is usable as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from embcomp.keyed import CompressedVectors
    from embcomp.search import Engine, Similarity

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def open(path: str | Path, *, similarity: Similarity | None = None, engine: Engine = "numpy") -> CompressedVectors:
    """Open an ``.embc`` file as an object with the names of gensim's ``KeyedVectors``.

    See :func:`embcomp.keyed.open_vectors`.
    """
    from embcomp.keyed import open_vectors

    return open_vectors(path, similarity=similarity, engine=engine)
