"""``embcomp convert``: from one format to another, without compressing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embcomp.cli.command import Command, note
from embcomp.cli.common import lists_in, notes_on, output_options, read_options, source_options
from embcomp.cli.decompress import target_options
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible
from embcomp.files import check_target


@click.command("convert", cls=Command)
@click.argument("source", metavar="SOURCE", type=click.Path())
@target_options
@click.option("--unit-rows", is_flag=True, help="Scale vectors to length 1.")
@output_options
@source_options
def command(
    source: str, output: str, to: str | None, unit_rows: bool, force: bool, quiet: bool, **given: Any
) -> None:
    """Write the words and vectors of SOURCE, an embedding file in any known format (- for stdin), in another format.

    Memory holds the words only: vectors wait in a file beside OUT, 4 bytes a number, until all are read.
    """
    from embcomp.formats import format_of
    from embcomp.formats.converting import convert

    format = to or ("glove-text" if output == "-" else format_of(output)[0])
    if output != "-":
        check_target(Path(output), force=force, sources=[source, *lists_in(given)])
    options = read_options(given, [source])
    with progress_bars(quiet=quiet) as progress:
        found = convert(source, output, format, options, progress, unit_rows=unit_rows, force=force)
    if output != "-":
        summary = f"{visible(output)}: {found.rows} words of {found.dim} dimensions, {format}"
        note("\n".join([summary, *notes_on(found.to_json())]), quiet=quiet)
