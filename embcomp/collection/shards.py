"""Shards: ``.embc`` files that have some of the words of a collection each, and the positions of their rows.

A shard has the rows of a few bands of rank, so its state is the model's with these bands only. Positions ascend with
the ranks of the shard. They are stored as gaps, in an optional section, so that a shard is a file like any other.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from embcomp.arrays import RowIds
from embcomp.codes import bands_of
from embcomp.collection.folders import Folder, digest
from embcomp.collection.model import Model
from embcomp.collection.parts import EncodedPart, whole_source
from embcomp.collection.rows import Rows, no_rows
from embcomp.compressors.base import Compressor
from embcomp.container.reader import Container
from embcomp.container.writer import write
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, InputError
from embcomp.vocabulary import HEAD_WORDS, Vocabulary, VocabularyBuilder

POSITIONS = "positions"
KINDS = ("file", "codes", "vocabulary", "order", "state", "text")  # of bytes that are counted


@dataclass(frozen=True)
class Entry:
    """A file of a collection, as its manifest lists it; ``docs/format.md`` describes the fields."""

    name: str
    shard: int
    first: int
    grades: list[int]
    sizes: dict[str, int]
    sha256: str

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return sum(self.grades)


class Built(NamedTuple):
    """A shard that was built, and the positions of rows that were dropped, since their words came before."""

    entry: Entry
    dropped: list[int]


def build_shard(
    parts: Sequence[EncodedPart], model: Model, shard: int, folder: Folder, work: Folder, n_shards: int
) -> Built:
    """Write a shard of encoded parts into ``folder``, unless that was done, as a record in ``work`` says.

    Raises:
        CorruptError: a part is damaged.
    """
    key = digest(model.sha256, shard, n_shards, [part.file for part in parts])
    record = f"built-{key}.json"
    if work.exists(record):
        with work.open(record) as file:
            done = json.load(file)
        built = Built(Entry(**done["entry"]), done["dropped"])
        if folder.exists(built.entry.name):
            return built
    built = write_shard(rows_of(parts, model, shard), model, shard, n_shards, 0, folder)
    done = {"entry": asdict(built.entry), "dropped": built.dropped}
    work.write(record, json.dumps(done).encode())
    return built


def write_shard(rows: Rows, model: Model, shard: int, n_shards: int, first: int, folder: Folder) -> Built:
    """Write rows as a shard; the same rows give the same file, of the same name."""
    vocabulary, rows, dropped = distinct(rows, strict=model.strict)
    counts = [len(loose) for loose in rows.codes]
    compressor = model.compressor.of_bands(counts)
    source = Source(name=model.encoded.source.name, rows=len(rows.words), dim=model.encoded.dim)
    encoded = EncodedEmbedding(vocabulary, rows.pack(compressor), compressor, source, {})
    data = io.BytesIO()
    gaps = np.diff(rows.positions, prepend=first)
    write(encoded, data, {POSITIONS: gaps.astype(np.min_scalar_type(max(1, int(gaps.max(initial=0)))))})
    digest = hashlib.sha256(data.getbuffer()).hexdigest()
    name = f"shard-{shard:05}-of-{n_shards:05}-{digest[:16]}.embc"
    folder.write(name, data.getbuffer())
    state = sum(array.nbytes for array in compressor.get_state().values())
    sizes = {"file": data.tell(), "codes": sum(map(len, encoded.codes.streams)), "state": state}
    sizes["vocabulary"] = sum(len(part.words.index) + len(part.words.pages) for part in encoded.vocabulary.parts)
    sizes["text"] = encoded.vocabulary.text_bytes
    sizes["order"] = encoded.vocabulary.stored_bytes - sizes["vocabulary"]
    return Built(Entry(name, shard, first, counts, sizes, digest), dropped.tolist())


class Shard:
    """A file of a collection, opened when it is first asked for."""

    def __init__(self, entry: Entry, folder: Folder) -> None:
        self.entry = entry
        self._folder = folder

    @cached_property
    def _container(self) -> Container:
        container = Container(self._folder.local(self.entry.name))
        if container.rows != self.entry.rows or container.file_bytes != self.entry.sizes["file"]:
            raise CorruptError(
                f"{container.name}: {container.rows} rows in {container.file_bytes} bytes, the manifest says "
                f"{self.entry.rows} in {self.entry.sizes['file']}"
            )
        return container

    @cached_property
    def encoded(self) -> EncodedEmbedding:
        """Its words and codes."""
        return self._container.open()

    @cached_property
    def positions(self) -> RowIds:
        """The positions of its rows, int64, ascending; ``CorruptError`` if there are none, or not as many."""
        section = self._container.sections.get(POSITIONS)
        if section is None or section.shape != (self.entry.rows,) or section.dtype[1] != "u":
            raise CorruptError(f"{self._container.name}: section {POSITIONS!r} must have {self.entry.rows} gaps")
        gaps = self._container.array(POSITIONS, checked=True).astype(np.int64)
        return np.cumsum(gaps) + self.entry.first

    def rows(self, compressor: Compressor) -> Rows:
        """Return all rows; ``compressor`` is the whole collection's."""
        codes = no_rows(compressor).codes
        kept = [grade for grade, n_rows in enumerate(self.entry.grades) if n_rows]
        for number, grade in enumerate(kept):
            codes[grade] = self.encoded.codes.loose(number)
        return Rows(list(self.encoded.vocabulary), self.positions, codes)


def merge(parts: list[EncodedPart], model: Model) -> EncodedEmbedding:
    """Put encoded parts together: what compressing the whole source in one go gives, to the byte.

    Raises:
        CorruptError: a part is damaged.
        InputError: the parts have other rows than the model was made from.
    """
    vocabulary, rows, _ = distinct(rows_of(parts, model), strict=model.strict)
    require_grades([len(loose) for loose in rows.codes], model)
    source = whole_source(parts, model, len(rows.words))
    return EncodedEmbedding(vocabulary, rows.pack(model.compressor), model.compressor, source, model.report)


def rows_of(parts: Sequence[EncodedPart], model: Model, shard: int | None = None) -> Rows:
    """Return the rows of a shard of encoded parts, or of all shards."""
    found, first = [], 0
    for part in parts:
        shards = range(part.n_shards) if shard is None else [shard]
        found += [part.rows(each, model.compressor, first) for each in shards]
        first += part.n_rows
    return Rows.merged(found, model.compressor)


def distinct(rows: Rows, *, strict: bool = False) -> tuple[Vocabulary, Rows, RowIds]:
    """Return the words of rows, the rows without those of words that came before, and the positions of these.

    Raises:
        InputError: there are such rows, and ``strict``.
    """
    builder = VocabularyBuilder([HEAD_WORDS], strict=strict)
    builder.extend(rows.words)
    words, repeated = builder.finish()
    if not len(repeated):
        return Vocabulary(words), rows, repeated
    kept = np.delete(np.arange(len(rows.words), dtype=np.int64), repeated)
    return Vocabulary(words), rows.take(kept), rows.positions[repeated]


def require_grades(counts: list[int], model: Model) -> None:
    """Refuse rows, so many of each grade, whose grades do not end where the model says."""
    expected = [band.end for band in bands_of(model.compressor, sum(counts))]
    ends = list(accumulate(count for count in counts if count)) or [0]
    if ends != expected:
        raise InputError(f"grades end at rows {ends}, expected {expected}: parts are not those of the model")
