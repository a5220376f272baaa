"""Changes of a collection: new generations, in which files of the one before go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embcomp.collection.engines import Engine, run
from embcomp.collection.folders import folder_at
from embcomp.collection.manifest import Manifest, publish, read_manifest
from embcomp.collection.model import parts_of
from embcomp.collection.opened import CollectionEmbedding, Shards, model_of, open_collection
from embcomp.collection.parts import encode_rows
from embcomp.collection.rows import Rows, shards_of
from embcomp.collection.shards import Entry, distinct, write_shard
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError
from embcomp.formats import ReadOptions
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

ATTEMPTS = 5


def add(root: str, source: str, options: ReadOptions, progress: Progress = no_progress) -> tuple[Manifest, int, int]:
    """Encode the words of a source as those of a collection were, and publish both.

    New words follow those that are there; words that are there keep their code; without new words nothing is
    published. Where another writer publishes meanwhile, the words are added to what that one has published.

    Returns:
        The collection as it is now, how many words are new, and how many were there already.

    Raises:
        InputError: the source cannot be read, or has other dimensions.
        OutputError: nothing can be written, or other writers always come first.
    """
    for _ in range(ATTEMPTS):
        before = read_manifest(root)
        manifest, n_known = _added(root, before, source, options, progress)
        n_new = manifest.n_positions - before.n_positions
        if not n_new:
            return before, n_new, n_known
        try:
            publish(manifest, folder_at(root))
        except OutputError:
            if read_manifest(root).generation == before.generation:
                raise
            continue
        return manifest, n_new, n_known
    raise OutputError(f"{root}: other writers published {ATTEMPTS} generations meanwhile; run it again")


def _added(
    root: str, before: Manifest, source: str, options: ReadOptions, progress: Progress
) -> tuple[Manifest, int]:
    folder, opened = folder_at(root), open_collection(root, before.generation)
    model = model_of(before, folder)
    found, sources, first = [], list[Source](), 0
    for part in parts_of([source]):
        own, read = encode_rows(model, part, options, len(model.parts), progress)
        found.append(own._replace(positions=own.positions + first))
        sources.append(read)
        first += len(own.words)
    _, rows, _ = distinct(Rows.merged(found, model.compressor))
    ranks = opened.vocabulary.ranks(rows.words)
    new = rows.take(np.flatnonzero(ranks < 0))
    new = new._replace(positions=before.n_positions + np.arange(len(new.words), dtype=np.int64))
    digest = sources[0].sha256 if len(sources) == 1 else ""
    addition = {"name": sources[0].name, "sha256": digest, "rows": len(new.words)}
    files, owners = [*before.files], shards_of(new.words, before.n_shards)
    for shard in np.unique(owners).tolist():
        own = new.take(np.flatnonzero(owners == shard))
        files.append(write_shard(own, model, shard, before.n_shards, before.n_positions, folder).entry)
    manifest = replace(
        before,
        n_positions=before.n_positions + len(new.words),
        report=before.report | {"added": [*before.report.get("added", []), addition]},
        files=tuple(sorted(files, key=lambda entry: (entry.shard, entry.first))),
    )
    return manifest.after(before), len(rows.words) - len(new.words)


def compact(root: str, where: Engine, n_shards: int | None = None, progress: Progress = no_progress) -> Manifest:
    """Publish a generation with one file for each shard; ``n_shards`` changes how many there are.

    Files of earlier generations stay, for who has them open.

    Raises:
        OutputError: nothing can be written, or another writer has published meanwhile.
    """
    before, folder = read_manifest(root), folder_at(root)
    n_new = n_shards or before.n_shards
    shards = range(n_new)
    tasks = {f"{root}: shard {shard} of {n_new}": (root, before.generation, shard, n_new) for shard in shards}
    files = run(where, rebuild, tasks, "build", progress)
    kept = tuple(entry for entry in files if entry.rows or n_new == 1)
    manifest = replace(before, n_shards=n_new, files=kept).after(before)
    publish(manifest, folder)
    return manifest


def rebuild(root: str, generation: int, shard: int, n_shards: int) -> Entry:
    """Write one shard of a collection with the rows of all its files; of the old shards, those that overlap it."""
    manifest, folder = read_manifest(root, generation), folder_at(root)
    model, found = model_of(manifest, folder), []
    for old in Shards(manifest, folder).files:
        own = old.entry.shard
        if own * n_shards < (shard + 1) * manifest.n_shards and shard * manifest.n_shards < (own + 1) * n_shards:
            rows = old.rows(model.compressor)
            found.append(rows.take(np.flatnonzero(shards_of(rows.words, n_shards) == shard)))
    return write_shard(Rows.merged(found, model.compressor), model, shard, n_shards, 0, folder).entry


def one_file(opened: CollectionEmbedding) -> EncodedEmbedding:
    """Return a collection as an embedding in memory, which can be saved as one file: all its words and codes."""
    compressor = opened.compressor
    rows = Rows.merged((shard.rows(compressor) for shard in opened.shards.files), compressor)
    vocabulary = Vocabulary.build(rows.words)
    return EncodedEmbedding(vocabulary, rows.pack(compressor), compressor, opened.source, opened.report)
