"""Search in a collection, with the interface of gensim's ``KeyedVectors``.

Each shard is searched by itself, and the results are put together by score and rank. Shards are shared by the threads
of this process, or by worker processes that stay. The result is that of one file: scores do not depend on other rows,
and equal ones come in order of rank.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.bits import BytesArray
from embcomp.checks import Integer, require
from embcomp.collection.opened import CollectionEmbedding, open_collection
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ParameterError
from embcomp.formats.remote import is_remote
from embcomp.keyed import CompressedVectors
from embcomp.search import SearchIndex, Similarity
from embcomp.shortlist import Ranked
from embcomp.threads import get_threads, map_ahead, set_threads, single_threaded_blas


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


class CollectionIndex(SearchIndex):
    """Searches the codes of a collection."""

    def __init__(self, encoded: CollectionEmbedding, n_processes: int = 1, share: slice = slice(None)) -> None:
        """Take a collection, how many processes search it (with 1, the threads of this one do), and which files."""
        super().__init__(encoded)
        self._shards = encoded.shards
        self._indexes: dict[int, SearchIndex] = {}
        self._own = range(len(self._shards.files))[share]
        here = (self._shards.folder.root, self._shards.manifest.generation)
        self._workers = [
            ProcessPoolExecutor(1, get_context("spawn"), _open_here, (*here, slice(number, None, n_processes)))
            for number in range(n_processes if n_processes > 1 else 0)
        ]

    def scores(self, query: FloatArray, *, restrict: int | None = None) -> DoubleArray:
        """Return the ``decoded`` similarity of one query, shape (dim,), to every row in source order: shape (n,)."""
        n_rows = self._count(restrict)
        out = np.zeros(n_rows)
        for number in self._own:
            if n_own := self._n_own(number, n_rows):
                out[self._shards.ranks(number)[:n_own]] = self._index(number).scores(query, restrict=n_own)
        return out

    @property
    def norms(self) -> FloatArray:
        """Lengths of all decoded vectors in source order, float32, shape (n,)."""
        out = np.empty(len(self._encoded), dtype=np.float32)
        for number in self._own:
            out[self._shards.ranks(number)] = self._index(number).norms
        return out

    def _nearest(self, queries: FloatArray, similarity: Similarity, k: int, n_rows: int) -> list[Ranked]:
        return self._everywhere(len(queries), k, n_rows, "search", queries, k, similarity=similarity)

    def _nearest_codes(self, codes: BytesArray, k: int, n_rows: int) -> list[Ranked]:
        return self._everywhere(len(codes), k, n_rows, "search_codes", codes, k)

    def _everywhere(self, n_queries: int, k: int, n_rows: int, method: str, *args: Any, **named: Any) -> list[Ranked]:
        if self._workers:
            waiting = [each.submit(_search, k, n_queries, n_rows, method, args, named) for each in self._workers]
            return _best((each.result() for each in waiting), n_queries, k)
        return self.nearest_here(k, n_queries, n_rows, method, args, named)

    def nearest_here(
        self, k: int, n_queries: int, n_rows: int, method: str, args: tuple[Any, ...], named: dict[str, Any]
    ) -> list[Ranked]:
        """Call a method of the index of each own file; return the best ranks and scores for each query."""

        def ask(number: int) -> list[Ranked]:
            if not (n_own := self._n_own(number, n_rows)):
                return []
            found = getattr(self._index(number), method)(*args, **named, restrict=n_own)
            return list(zip(self._shards.ranks(number)[found.ranks], found.scores, strict=True))

        with single_threaded_blas():
            found = (
                list(map_ahead(ask, self._own, 2 * get_threads())) if len(self._own) > 1 else [*map(ask, self._own)]
            )
        return _best(found, n_queries, k)

    def _n_own(self, number: int, n_rows: int) -> int:
        """How many rows of a file have ranks below ``n_rows``."""
        if n_rows == len(self._encoded):
            return self._shards.files[number].entry.rows
        return int(np.searchsorted(self._shards.ranks(number), n_rows))

    def _index(self, number: int) -> SearchIndex:
        if number not in self._indexes:
            self._indexes[number] = SearchIndex(self._shards.files[number].encoded)
        return self._indexes[number]


def _best(found: Iterable[list[Ranked]], n_queries: int, k: int) -> list[Ranked]:
    """Put together what several searches found for each query."""
    several = [each for each in found if each]
    out = []
    for query in range(n_queries):
        ranks = np.concatenate([np.zeros(0, dtype=np.int64), *(each[query][0] for each in several)])
        scores = np.concatenate([np.zeros(0), *(each[query][1] for each in several)])
        order = np.lexsort((ranks, -scores))[:k]
        out.append((ranks[order], scores[order]))
    return out


_here: list[CollectionIndex] = []  # of a worker process


def _open_here(root: str, generation: int, share: slice) -> None:
    set_threads(1)
    _here[:] = [CollectionIndex(open_collection(root, generation), share=share)]


def _search(*args: Any) -> list[Ranked]:
    return _here[0].nearest_here(*args)
