"""Collections from sources: fit, encode the parts, build the shards, publish."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embcomp.checks import Integer, require
from embcomp.collection.engines import Engine, run
from embcomp.collection.folders import Folder, RemoteFolder, digest, folder_at
from embcomp.collection.manifest import Manifest, generations, publish, read_manifest
from embcomp.collection.model import Model, Part, fit, open_model, parts_of
from embcomp.collection.parts import (
    MODEL_SUFFIX,
    EncodedPart,
    encode,
    find_parts,
    identity,
    in_order,
    keep_model,
    model_file,
    whole_source,
)
from embcomp.collection.shards import Built, build_shard, require_grades
from embcomp.compressors.base import Compressor
from embcomp.container.writer import write
from embcomp.errors import InputError, OutputError
from embcomp.formats import ReadOptions
from embcomp.progress import Progress, no_progress

WORK = "work"  # the folder of what is needed until a collection is published
SHARD_BYTES = 2**31  # of a source, for one shard


def compress(
    sources: Sequence[str],
    target: str,
    compressor: Compressor,
    options: ReadOptions,
    where: Engine,
    *,
    n_shards: int | None = None,
    n_pieces: int = 1,
    force: bool = False,
    progress: Progress = no_progress,
    max_memory: int | None = None,
    approve: Callable[[float], None] = lambda seconds: None,
) -> Manifest:
    """Compress sources into a collection; what is done of it before, and stopped, is not done again.

    Args:
        sources: files, patterns, folders, in their order.
        target: path or address of the collection.
        compressor: not fitted yet.
        options: how to read.
        where: the engine that encodes and builds.
        n_shards: how many files; ``None`` for one for each 2 GiB of the sources.
        n_pieces: cut a source of one text file into so many parts.
        force: publish the next generation of a collection that is there.
        progress: called for fitting, parts and shards.
        max_memory, approve: as for :func:`embcomp.collection.model.fit`.

    Raises:
        OutputError: there is a collection and ``force`` is not given, or work fails or cannot be written.
        InputError, ParameterError: as for fitting and encoding.
    """
    folder, work = folder_at(target), folder_at(f"{target.rstrip('/')}/{WORK}")
    require_new(folder, force=force)
    parts = parts_of(sources, n_pieces)
    identities = [identity(part.path) for part in parts]
    n_shards = n_shards or max(1, -(-sum(int(each[0] or 0) for each in identities) // SHARD_BYTES))
    folder.make()
    work.make()
    names = [part.name for part in parts]
    fitted = f"fit-{digest(compressor.name, compressor.get_config(), names, identities, options.key)}{MODEL_SUFFIX}"
    if not work.exists(fitted):
        learn = partial(fit, sources, compressor, options, progress, max_memory, n_pieces=n_pieces, approve=approve)
        data = io.BytesIO()
        write(learn(), data)
        work.write(fitted, data.getvalue())
    model = open_model(work.local(fitted))
    keep_model(folder, work.local(fitted), model)
    tasks = {part.name: (target, n_shards, model_file(model), part, options) for part in parts}
    names = run(where, encode_task, tasks, "encode", progress)
    opened = in_order([EncodedPart(work, name) for name in names], model)
    built = build_all(target, work.root, model, names, n_shards, where, progress)
    manifest = finish(folder, model, opened, built, n_shards, force=force)
    work.clear()
    return manifest


def encode_task(target: str, n_shards: int, model: str, part: Part, options: ReadOptions) -> str:
    """Encode a part into the folder of work; return the file's name."""
    work = folder_at(f"{target.rstrip('/')}/{WORK}")
    return encode(open_model(folder_at(target).local(model)), part, options, work, n_shards)


def build_all(
    target: str, work: str, model: Model, names: Sequence[str], n_shards: int, where: Engine, progress: Progress
) -> list[Built]:
    """Build all shards of encoded parts."""
    shared = (target, work, n_shards, model_file(model), tuple(names))
    tasks = {f"{target}: shard {shard} of {n_shards}": (*shared, shard) for shard in range(n_shards)}
    return run(where, build_task, tasks, "build", progress)


def build_task(target: str, work: str, n_shards: int, model: str, names: tuple[str, ...], shard: int) -> Built:
    """Build a shard."""
    folder, there = folder_at(target), folder_at(work)
    parts = [EncodedPart(there, name) for name in names]
    return build_shard(parts, open_model(folder.local(model)), shard, folder, there, n_shards)


def merge_parts(
    paths: Sequence[str],
    target: str,
    where: Engine,
    *,
    shard: int | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> Manifest | None:
    """Build a collection from encoded parts in one folder; with ``shard``, one file of it, without publishing.

    Raises:
        InputError: parts are missing, in several folders, or for other numbers of shards.
        ParameterError: there is no such shard.
        OutputError: there is a collection and ``force`` is not given, or nothing can be written.
    """
    folder = folder_at(target)
    require_new(folder, force=force)
    model, parts = find_parts(paths)
    work, counts = parts[0].folder, sorted({part.n_shards for part in parts})
    if len(counts) > 1 or any(part.folder.root != work.root for part in parts):
        raise InputError(f"{parts[0].name}: parts must be in one folder, for one number of shards, got {counts}")
    folder.make()
    keep_model(folder, work.local(model_file(model)), model)
    names = [part.file for part in parts]
    if shard is not None:
        require("shard", shard, Integer(0, counts[0] - 1))
        build_shard(parts, model, shard, folder, work, counts[0])
        return None
    built = build_all(target, work.root, model, names, counts[0], where, progress)
    return finish(folder, model, parts, built, counts[0], force=force)


def require_new(folder: Folder, *, force: bool) -> None:
    """Refuse a target that is there, unless it may be replaced."""
    if not force and generations(folder):
        raise OutputError(f"{folder.root}: exists already; `force` publishes another generation")
    if not isinstance(folder, RemoteFolder) and Path(folder.root).is_file():
        raise OutputError(f"{folder.root}: is a file, expected a folder or a new name")


def finish(
    folder: Folder, model: Model, parts: list[EncodedPart], built: list[Built], n_shards: int, *, force: bool
) -> Manifest:
    """Publish built shards as a collection.

    Raises:
        InputError: rows are not those that the model was made from.
        OutputError: another writer has published meanwhile.
    """
    dropped = np.sort(np.array([position for each in built for position in each.dropped], dtype=np.int64))
    grades = np.sum([each.entry.grades for each in built], axis=0).tolist()
    require_grades(grades, model)
    manifest = Manifest(
        generation=0,
        parent="",
        method=model.compressor.name,
        config=dict(model.compressor.get_config()),
        dim=model.compressor.dim,
        model=model_file(model),
        model_sha256=model.sha256,
        n_shards=n_shards,
        n_positions=sum(part.n_rows for part in parts),
        dropped=keep_dropped(folder, dropped),
        n_dropped=len(dropped),
        source=whole_source(parts, model, sum(grades)),
        report=model.report,
        files=tuple(each.entry for each in built if each.entry.rows or n_shards == 1),
    )
    if force and generations(folder):
        manifest = manifest.after(read_manifest(folder.root))
    publish(manifest, folder)
    return manifest


def keep_dropped(folder: Folder, dropped: Any) -> str:
    """Write positions, int64, ascending; return the name of the file, empty if there are none."""
    if not len(dropped):
        return ""
    data = io.BytesIO()
    np.save(data, dropped)
    name = f"dropped-{hashlib.sha256(data.getbuffer()).hexdigest()[:16]}.npy"
    folder.write(name, data.getbuffer())
    return name
