"""``embcomp merge``: one file from encoded parts."""

from __future__ import annotations

from pathlib import Path

import click

from embcomp.cli.command import Command, note
from embcomp.cli.common import force_option, quiet_option, threads_option
from embcomp.cli.text import visible
from embcomp.files import check_target


@click.command("merge", cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PART…", type=click.Path())
@click.option("-o", "--output", required=True, metavar="OUT.embc", help="Output file.")
@threads_option
@force_option
@quiet_option
def command(paths: tuple[str, ...], output: str, force: bool, quiet: bool) -> None:
    """Put encoded parts together; PART is a file that embcomp encode made, or a folder of them.

    OUT.embc is what embcomp compress makes of the whole source, to the byte.
    """
    from embcomp.collection.build import merge
    from embcomp.collection.parts import find_parts
    from embcomp.container.writer import save

    check_target(Path(output), force=force, sources=[path for path in paths if Path(path).is_file()])
    model, parts = find_parts(paths)
    merged = merge(parts, model)
    save(merged, output, force=force)
    note(f"{visible(output)}: {len(merged)} words, {merged.compressor.name}, from {len(parts)} parts", quiet=quiet)
