"""``embcomp compact``: fewer or other files for a collection."""

from __future__ import annotations

import click

from embcomp.cli.command import Command, note
from embcomp.cli.common import chosen_engine, count_option, engine_option, quiet_option
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible


@click.command("compact", cls=Command)
@click.argument("collection", metavar="NAME.embcs")
@count_option("--shards", most=2**16, help="How many files; as many as now if absent.")
@engine_option
@quiet_option
def command(collection: str, shards: int | None, on: str | None, quiet: bool) -> None:
    """Publish a generation of a collection that has one file for each shard, with the same words, ranks and codes."""
    from embcomp.collection.changes import compact

    with progress_bars(quiet=quiet) as progress:
        manifest = compact(collection, chosen_engine(on), shards, progress)
    what = f"{manifest.rows} words in {len(manifest.files)} files"
    note(f"{visible(collection)}: {what}, generation {manifest.generation}", quiet=quiet)
