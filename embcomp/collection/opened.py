"""Opened collections: their words, codes and search, as those of one file.

Rows are numbered by rank in the whole collection: a row's position, less the rows before it that were dropped. What
is asked of words goes to their shard alone; what is asked of ranks needs the positions of all shards, which are read
then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NoReturn

import numpy as np

from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray, row_bytes
from embcomp.codes import Codes, bands_of
from embcomp.collection.folders import Folder, folder_at
from embcomp.collection.manifest import Manifest, read_manifest
from embcomp.collection.model import Model, open_model
from embcomp.collection.rows import shard_of, shards_of
from embcomp.collection.shards import Shard
from embcomp.compressors.base import Compressor
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, MissingWordError, ParameterError
from embcomp.threads import CHUNK_ROWS
from embcomp.vocabulary import Vocabulary
from embcomp.vocabulary.merging import Ranks


class Shards:
    """All files of a collection."""

    def __init__(self, manifest: Manifest, folder: Folder) -> None:
        self.manifest, self.folder = manifest, folder
        self.files = [Shard(entry, folder) for entry in manifest.files]
        self._of_shard: list[list[int]] = [[] for _ in range(manifest.n_shards)]
        for number, entry in enumerate(manifest.files):
            self._of_shard[entry.shard].append(number)
        self._ranks: dict[int, RowIds] = {}

    @cached_property
    def _dropped(self) -> RowIds:
        return self.manifest.open_dropped(self.folder)

    def ranks(self, number: int) -> RowIds:
        """Return the ranks of the rows of a file, int64, ascending."""
        if number not in self._ranks:
            positions = self.files[number].positions
            self._ranks[number] = positions - np.searchsorted(self._dropped, positions)
        return self._ranks[number]

    def find(self, word: str) -> tuple[int, int]:
        """Return the file that has a word, and its row there; (−1, −1) if none has."""
        for number in self._of_shard[shard_of(word, self.manifest.n_shards)]:
            row = self.files[number].encoded.vocabulary.find(word)
            if row >= 0:
                return number, row
        return -1, -1

    def find_many(self, words: list[str]) -> Iterator[tuple[int, RowIds, RowIds]]:
        """Yield, of each file that has some of the words, its number, which words, and their rows there."""
        owners = shards_of(words, self.manifest.n_shards)
        order = np.argsort(owners, kind="stable")
        for own in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1):
            for number in self._of_shard[int(owners[own[0]])] if len(own) else []:
                rows = self.files[number].encoded.vocabulary.ranks(words[each] for each in own.tolist())
                if (rows >= 0).any():
                    yield number, own[rows >= 0], rows[rows >= 0]

    def locate(self, ranks: Ranks) -> Iterator[tuple[int, RowIds, RowIds]]:
        """Yield, of each file that has some of the ranks, its number, which ranks, and their rows there."""
        run = len(ranks) > 1 and bool((np.diff(ranks) == 1).all())
        for number in range(len(self.files)):
            own = self.ranks(number)
            if run:
                first, last = np.searchsorted(own, [ranks[0], ranks[-1] + 1])
                rows, chosen = np.arange(first, last), own[first:last] - ranks[0]
            else:
                rows = np.minimum(np.searchsorted(own, ranks), max(0, len(own) - 1))
                chosen = np.flatnonzero(own[rows] == ranks) if len(own) else np.zeros(0, dtype=np.int64)
                rows = rows[chosen]
            if len(rows):
                yield number, chosen, rows


class CollectionVocabulary(Vocabulary):
    """The words of all shards, numbered by rank."""

    def __init__(self, shards: Shards) -> None:
        super().__init__([])
        self._shards = shards

    @property
    def has_order(self) -> bool:
        """True."""
        return True

    @property
    def text_bytes(self) -> int:
        """Bytes of all words in UTF-8, added up."""
        return sum(shard.encoded.vocabulary.text_bytes for shard in self._shards.files)

    @property
    def stored_bytes(self) -> int:
        """Bytes that words and order take in files."""
        return sum(entry.sizes["vocabulary"] + entry.sizes["order"] for entry in self._shards.manifest.files)

    def __len__(self) -> int:
        return self._shards.manifest.rows

    def __iter__(self) -> Iterator[str]:
        """Words by rank, some thousands at a time."""
        for start in range(0, len(self), CHUNK_ROWS):
            yield from self.words(np.arange(start, min(start + CHUNK_ROWS, len(self)), dtype=np.int64))

    def find(self, word: str) -> int:
        """Return the rank of ``word``, or −1."""
        number, row = self._shards.find(word)
        return -1 if row < 0 else int(self._shards.ranks(number)[row])

    def ranks(self, words: Iterable[str]) -> Ranks:
        """Return the ranks of many words, int64, −1 where a word is missing."""
        listed = list(words)
        found = np.full(len(listed), -1, dtype=np.int64)
        for number, chosen, rows in self._shards.find_many(listed):
            found[chosen] = self._shards.ranks(number)[rows]
        return found

    def word(self, rank: int) -> str:
        """Return the word of a rank."""
        return self.words(np.array([rank], dtype=np.int64))[0]

    def words(self, ranks: Ranks) -> list[str]:
        """Return the words of many ranks, int64."""
        found = [""] * len(ranks)
        for number, chosen, rows in self._shards.locate(ranks):
            words = self._shards.files[number].encoded.vocabulary.words(rows)
            for each, word in zip(chosen.tolist(), words, strict=True):
                found[each] = word
        return found

    def without_order(self, ends: object) -> NoReturn:
        """Refuse with ``ParameterError``: a collection keeps the order."""
        raise ParameterError("the order of a collection cannot be dropped")


class CollectionCodes(Codes):
    """The codes of all shards, numbered by rank."""

    def __init__(self, shards: Shards, compressor: Compressor) -> None:
        super().__init__(bands_of(compressor, shards.manifest.rows), [])
        self._shards = shards

    def decode(self, compressor: Compressor, rows: RowIds) -> FloatArray:
        """Return the vectors of ``rows``, int64, float32, shape (k, dim)."""
        out = np.zeros((len(rows), compressor.dim), dtype=np.float32)
        for number, chosen, own in self._shards.locate(rows):
            out[chosen] = self._shards.files[number].encoded.decode_rows(own)
        return out

    def moved(self, rows: RowIds) -> NoReturn:
        """Refuse with ``ParameterError``: files of a collection do not change."""
        raise ParameterError("rows of a collection cannot be moved")

    def loose(self, number: int) -> BytesArray:
        """All codes of a band, as loose rows."""
        return self._gathered(np.arange(self._starts[number], self._starts[number + 1], dtype=np.int64))

    def of_one_width(self, rows: RowIds) -> BytesArray:
        """Return the codes of ``rows``, int64, as loose rows; raises ``ParameterError`` if codes differ in width."""
        self._require_one_width()
        return self._gathered(rows)

    def _gathered(self, rows: RowIds) -> BytesArray:
        """Return the codes of rows of one band."""
        band = int(np.searchsorted(self._starts[1:-1], rows[:1].sum(), side="right"))
        out = np.zeros((len(rows), row_bytes(self.bands[band].layout.row_bits)), dtype=np.uint8)
        for number, chosen, own in self._shards.locate(rows):
            out[chosen] = self._shards.files[number].encoded.codes.of_one_band(own)
        return out


class CollectionEmbedding(EncodedEmbedding):
    """A collection, with what an embedding has that comes from one file."""

    shards: Shards

    def vector(self, word: str) -> FloatArray:
        """Return the decoded vector of one word, float32, shape (dim,); only its shard is read.

        Raises:
            MissingWordError: it is in none.
        """
        number, row = self.shards.find(word)
        if row < 0:
            raise MissingWordError(word)
        decoded: FloatArray = self.shards.files[number].encoded.decode_rows(np.array([row], dtype=np.int64))[0]
        return decoded

    def extended(self, more: object) -> NoReturn:
        """Refuse with ``ParameterError``: :func:`embcomp.collection.changes.add` does it."""
        raise ParameterError("words are added to a collection in place")


def model_of(manifest: Manifest, folder: Folder) -> Model:
    """Open the model of a collection."""
    model = open_model(folder.local(manifest.model))
    if model.sha256 != manifest.model_sha256:
        raise CorruptError(f"{folder.where(manifest.model)}: is not the model that the manifest names")
    return model


def open_collection(root: str, generation: int | None = None) -> CollectionEmbedding:
    """Open a collection, at a path or an address: its manifest and model; shards are opened when they are needed.

    ``generation`` ``None`` is the newest.

    Raises:
        InputError: there is none, or it cannot be read.
        ContainerError: it is refused.
    """
    manifest, folder = read_manifest(root, generation), folder_at(root)
    compressor, shards = model_of(manifest, folder).compressor, Shards(manifest, folder)
    words, codes = CollectionVocabulary(shards), CollectionCodes(shards, compressor)
    opened = CollectionEmbedding(words, codes, compressor, manifest.source, manifest.report)
    opened.shards = shards
    return opened
