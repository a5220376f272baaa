"""Manifests: what a collection consists of.

A collection is a folder of files that never change. Each *generation* has a manifest, ``manifest-00003.json``, which
is written last and only if there is none of that number: of two writers one publishes, and the other is told so. The
newest manifest is the collection; older ones stay valid for who has them open.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from embcomp import __version__
from embcomp.arrays import RowIds
from embcomp.collection.folders import Folder, folder_at
from embcomp.collection.shards import Entry
from embcomp.container.layout import canonical_json
from embcomp.documents import BadDocumentError, parse_document
from embcomp.embedding import Source
from embcomp.errors import CorruptError, InputError, NewerVersionError, OutputError

FORMAT = 1
NAME = re.compile(r"manifest-(\d{5,})\.json")
PARTITION = "crc32"  # of the words' UTF-8: shard = crc * n_shards >> 32


@dataclass(frozen=True)
class Manifest:
    """What a generation of a collection consists of; ``docs/format.md`` describes the fields."""

    generation: int
    parent: str
    method: str
    config: dict[str, Any]
    dim: int
    model: str
    model_sha256: str
    n_shards: int
    n_positions: int
    dropped: str
    n_dropped: int
    source: Source
    report: dict[str, Any]
    files: tuple[Entry, ...]

    @property
    def rows(self) -> int:
        """Words of the collection."""
        return sum(entry.rows for entry in self.files)

    def after(self, before: Manifest) -> Manifest:
        """Return this manifest as the generation after another."""
        parent = hashlib.sha256(before.to_bytes()).hexdigest()
        return replace(self, generation=before.generation + 1, parent=parent)

    def to_bytes(self) -> bytes:
        """Return the file's content: JSON."""
        producer = {"name": "embcomp", "version": __version__}
        about = {"format": FORMAT, "producer": producer, "partition": PARTITION, "rows": self.rows}
        return sealed(about | asdict(self))

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Manifest:
        """Return what :meth:`to_bytes` gave.

        Raises:
            NewerVersionError: a later version wrote it.
            CorruptError: it is damaged.
        """
        try:
            document = parse_document(data, "ascii")
            if document["format"] != FORMAT or document["partition"] != PARTITION:
                what = f"format {document['format']!r}"
                raise NewerVersionError(f"{name}: {what}, this release reads {FORMAT}; update embcomp")
            del document["sha256"]
            if data != sealed(document):
                raise CorruptError(f"{name}: its checksum does not match")
            fields, rows = {each: document[each] for each in cls.__annotations__}, document["rows"]
            fields |= {
                "source": Source(**fields["source"]),
                "files": tuple(Entry(**each) for each in fields["files"]),
            }
            _check(found := cls(**fields), rows)
        except BadDocumentError as error:
            raise CorruptError(f"{name}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptError(f"{name}: is no manifest of a collection: {error!r}") from error
        return found

    def open_dropped(self, folder: Folder) -> RowIds:
        """Return the positions of rows that were dropped, int64, ascending."""
        if not self.dropped:
            return np.zeros(0, dtype=np.int64)
        try:
            dropped: RowIds = np.load(folder.local(self.dropped), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise CorruptError(f"{folder.where(self.dropped)}: is damaged: {error}") from error
        if dropped.shape != (self.n_dropped,) or dropped.dtype != np.int64:
            raise CorruptError(f"{folder.where(self.dropped)}: must have {self.n_dropped} positions")
        return dropped


def sealed(document: dict[str, Any]) -> bytes:
    """Return a document as JSON, with the SHA-256 of what it is without that."""
    digest = hashlib.sha256(canonical_json(document)).hexdigest()
    return canonical_json(document | {"sha256": digest})


def _check(manifest: Manifest, rows: int) -> None:
    """Refuse what damage alone cannot have made; names must be within the folder."""
    counts = [manifest.generation, manifest.dim, manifest.n_shards, manifest.n_positions, manifest.n_dropped]
    for entry in manifest.files:
        counts += [entry.shard, entry.first, *entry.grades]
        if entry.shard >= manifest.n_shards:
            raise ValueError(f"{entry.name} has the shard {entry.shard} of {manifest.n_shards}")
    for name in (manifest.model, manifest.dropped, *(entry.name for entry in manifest.files)):
        if "/" in name or "\\" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no file name")
    if rows != manifest.rows or min(manifest.n_shards, manifest.dim) < 1:
        raise ValueError(f"{rows} rows, {manifest.rows} in its files")
    if not all(type(each) is int and each >= 0 for each in counts):
        raise ValueError("a count is no whole number")


def read_manifest(root: str, generation: int | None = None) -> Manifest:
    """Return a manifest of a collection, by default the newest.

    Raises:
        InputError: there is no collection.
        ContainerError: its manifest is refused.
    """
    folder = folder_at(root)
    if not (numbers := generations(folder)):
        raise InputError(f"{root}: is no collection, expected a folder with a manifest")
    name = _name(max(numbers) if generation is None else generation)
    with folder.open(name) as file:
        return Manifest.of_bytes(folder.where(name), file.read())


def publish(manifest: Manifest, folder: Folder) -> None:
    """Make a generation the newest one.

    Raises:
        OutputError: another writer has published a generation of that number, or a later one.
    """
    taken = max(generations(folder), default=-1) >= manifest.generation
    if taken or not folder.create(_name(manifest.generation), manifest.to_bytes()):
        raise OutputError(
            f"{folder.root}: generation {manifest.generation} was published by another writer meanwhile; run it again"
        )


def generations(folder: Folder) -> list[int]:
    """Return the numbers of the generations that are there."""
    return [int(found[1]) for name in folder.names() if (found := NAME.fullmatch(name))]


def _name(generation: int) -> str:
    return f"manifest-{generation:05}.json"
