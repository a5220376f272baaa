"""What a collection holds, and whether every byte of it is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embcomp import __version__
from embcomp.collection.folders import Folder, folder_at, sha256_of
from embcomp.collection.manifest import FORMAT, Manifest, read_manifest
from embcomp.collection.opened import Shards, model_of, open_collection
from embcomp.collection.rows import shards_of
from embcomp.collection.shards import KINDS
from embcomp.container.description import facts
from embcomp.container.reader import verify
from embcomp.errors import ContainerError, InputError
from embcomp.progress import Progress, no_progress

if TYPE_CHECKING:
    from embcomp.collection.engines import Engine


def describe(root: str) -> dict[str, Any]:
    """Return what a collection holds, as for one file, from its manifest and model: the document of `info --json`."""
    opened = open_collection(root)
    manifest, state = opened.shards.manifest, opened.compressor.get_state()
    sizes = {kind: sum(entry.sizes[kind] for entry in manifest.files) for kind in KINDS}
    sizes["header"] = sizes["file"] - sum(sizes[kind] for kind in ("codes", "vocabulary", "order", "state"))
    sizes["decode_state"] = sum(state[name].nbytes for name in opened.compressor.decode_state) * len(manifest.files)
    beside = {"generation": manifest.generation, "shards": manifest.n_shards, "files": len(manifest.files)}
    return {
        "format_version": FORMAT,
        "producer": {"name": "embcomp", "version": __version__},
        **facts(opened, sizes | {"text": 0}, sizes["text"]),
        "sections": {},
        "collection": beside | {"dropped": manifest.n_dropped},
    }


def check(root: str, where: Engine, progress: Progress = no_progress) -> list[str]:
    """Check every byte of a collection, its files at the same time; return what is wrong.

    Raises:
        InputError: there is none.
        ContainerError: there is nothing that this release could check.
    """
    from embcomp.collection.engines import run  # takes longer than opening a collection

    manifest, folder = read_manifest(root), folder_at(root)
    try:
        model_of(manifest, folder)
        dropped = manifest.open_dropped(folder)
    except ContainerError as error:
        return [str(error)]
    numbered = enumerate(manifest.files)
    tasks = {folder.where(entry.name): (root, manifest.generation, number) for number, entry in numbered}
    found = [problem for problems in run(where, check_file, tasks, "verify", progress) for problem in problems]
    return found or _check_positions(manifest, folder, dropped)


def check_file(root: str, generation: int, number: int) -> list[str]:
    """Check one file of a collection; return what is wrong."""
    folder = folder_at(root)
    manifest = read_manifest(root, generation)
    entry, where = manifest.files[number], folder.where(manifest.files[number].name)
    try:
        path = folder.local(entry.name)
    except InputError as error:
        return [str(error)]
    if (digest := sha256_of(path)) != entry.sha256:
        return [*verify(path), f"{where}: has the SHA-256 {digest}, the manifest says {entry.sha256}"]
    if problems := verify(path):
        return problems
    files = Shards(manifest, folder).files
    try:
        words, positions = list(files[number].encoded.vocabulary), files[number].positions
        ascending = bool((np.diff(positions, prepend=entry.first - 1) > 0).all())
    except ContainerError as error:
        return [str(error)]
    found = []
    if (shards_of(words, manifest.n_shards) != entry.shard).any():
        found.append(f"{where}: has words of other shards than {entry.shard}")
    if not ascending or int(positions.max(initial=0)) >= manifest.n_positions > 0:
        found.append(f"{where}: its positions must ascend from {entry.first} and be below {manifest.n_positions}")
    for other in files[:number]:
        if other.entry.shard == entry.shard and (other.encoded.vocabulary.ranks(words) >= 0).any():
            found.append(f"{where}: has words that {other.entry.name} has")
    return found


def _check_positions(manifest: Manifest, folder: Folder, dropped: Any) -> list[str]:
    """Check that every position has one row, in a file or dropped."""
    seen = np.zeros(manifest.n_positions, dtype=np.uint8)
    seen[dropped] += 1
    for shard in Shards(manifest, folder).files:
        seen[shard.positions] += 1
    if (seen == 1).all():
        return []
    place = int(np.argmax(seen != 1))
    return [f"{folder.root}: position {place} has {seen[place]} rows, expected 1"]
