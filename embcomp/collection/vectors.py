"""A collection with the interface of gensim's ``KeyedVectors``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from embcomp.checks import Integer, require
from embcomp.collection.index import CollectionIndex
from embcomp.collection.opened import CollectionEmbedding, open_collection
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ParameterError
from embcomp.formats.remote import is_remote
from embcomp.keyed import CompressedVectors
from embcomp.search import Similarity


class CollectionVectors(CompressedVectors):
    """Word vectors of a collection; see :class:`embcomp.keyed.CompressedVectors`.

    A pickled one opens the same generation again.
    """

    encoded: CollectionEmbedding

    def __init__(
        self, encoded: CollectionEmbedding, *, similarity: Similarity | None = None, n_processes: int = 1
    ) -> None:
        super().__init__(encoded, similarity=similarity, index=CollectionIndex(encoded, n_processes))
        self._n_processes = n_processes

    def __reduce__(self) -> tuple[Any, ...]:
        shards = self.encoded.shards
        root = shards.folder.root if is_remote(shards.folder.root) else str(Path(shards.folder.root).absolute())
        again = partial(open_vectors, similarity=self._similarity, n_processes=self._n_processes)
        return again, (root, shards.manifest.generation)

    def save(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse with ``ParameterError``: a collection is a folder."""
        raise ParameterError("a collection is not saved: it is on disk; 'embcomp merge' makes one file of it")


def vectors_of(encoded: EncodedEmbedding, similarity: Similarity | None = None) -> CompressedVectors:
    """Return an opened file or collection as vectors that can be searched."""
    if isinstance(encoded, CollectionEmbedding):
        return CollectionVectors(encoded, similarity=similarity)
    return CompressedVectors(encoded, similarity=similarity)


def open_vectors(
    root: str, generation: int | None = None, *, similarity: Similarity | None = None, n_processes: int = 1
) -> CollectionVectors:
    """Open a collection, by default its newest generation, see :func:`embcomp.open`."""
    require("processes", n_processes, Integer(1, 1024))
    return CollectionVectors(open_collection(root, generation), similarity=similarity, n_processes=n_processes)
