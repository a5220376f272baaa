"""``embcomp merge``: a file or a collection from encoded parts."""

from __future__ import annotations

from pathlib import Path

import click

from embcomp.cli import common
from embcomp.cli.command import Command, note
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible
from embcomp.collection import is_collection
from embcomp.files import check_target


@click.command("merge", cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PART…", type=click.Path())
@click.option("-o", "--output", required=True, metavar="OUT", help="Output file, or NAME.embcs for a collection.")
@common.count_option("--shard", least=0, metavar="K", help="Build file K of the collection only, from 0 on.")
@common.engine_option
@common.threads_option
@common.generation_option
@common.quiet_option
def command(paths: tuple[str, ...], output: str, shard: int | None, on: str | None, force: bool, quiet: bool) -> None:
    """Put encoded parts together; PART is a file that embcomp encode made, a folder of them, or one collection.

    A file is what embcomp compress makes of the whole source, to the byte. A collection has as many files as embcomp
    encode was told; with --shard they can be built on several machines, and the last call publishes them.
    """
    if is_collection(output):
        _to_collection(paths, output, shard, on, force=force, quiet=quiet)
        return
    common.refuse_given(("on", "shard"), common.NOT_A_COLLECTION)
    from embcomp.collection.changes import one_file
    from embcomp.collection.opened import CollectionEmbedding
    from embcomp.collection.parts import find_parts
    from embcomp.collection.shards import merge
    from embcomp.container.writer import save

    check_target(Path(output), force=force, sources=[path for path in paths if Path(path).is_file()])
    opened = common.open_compressed(paths[0]) if is_collection(paths[0]) and len(paths) == 1 else None
    if isinstance(opened, CollectionEmbedding):
        merged = one_file(opened)
    else:
        model, parts = find_parts(paths)
        merged = merge(parts, model)
    save(merged, output, force=force)
    note(f"{visible(output)}: {len(merged)} words, {merged.compressor.name}", quiet=quiet)


def _to_collection(
    paths: tuple[str, ...], output: str, shard: int | None, on: str | None, *, force: bool, quiet: bool
) -> None:
    from embcomp.collection.making import merge_parts

    with progress_bars(quiet=quiet) as progress:
        manifest = merge_parts(paths, output, common.chosen_engine(on), shard=shard, force=force, progress=progress)
    if manifest is not None:
        what = f"{manifest.rows} words in {len(manifest.files)} files, generation {manifest.generation}"
        note(f"{visible(output)}: {what}", quiet=quiet)
