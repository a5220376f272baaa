"""``embcomp encode``: codes of parts of a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import count_option, quiet_option, read_options, source_options, threads_option
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible
from embcomp.errors import ParameterError


@click.command("encode", cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PART…", type=click.Path())
@click.option("--model", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Made by embcomp fit.")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Folder, or address of one, for encoded parts.")
@count_option("--shards", default=1, most=2**16, help="Files of the collection.")
@click.option("--piece", metavar="K/N", help="The K-th of N parts of one text file, where K is counted from 1.")
@threads_option
@quiet_option
@source_options
def command(
    paths: tuple[str, ...], model: Path, output: str, shards: int, piece: str | None, quiet: bool, **given: Any
) -> None:
    """Encode each PART of a source into a file in FOLDER, and print its path.

    A part that is there already, made from the same file with the same model and options, is not made again.
    """
    options = read_options(given, paths)

    from embcomp.collection.folders import folder_at
    from embcomp.collection.model import Part, open_model, parts_of
    from embcomp.collection.parts import encode, keep_model

    opened, folder = open_model(model), folder_at(output)
    parts = [Part(paths[0], _piece(piece))] if piece and len(paths) == 1 else parts_of(paths)
    if piece and len(paths) > 1:
        raise click.UsageError("--piece is for one PART")
    folder.make()
    keep_model(folder, model, opened)
    with progress_bars(quiet=quiet) as progress:
        for part in parts:
            click.echo(visible(folder.where(encode(opened, part, options, folder, shards, progress))))


def _piece(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ParameterError(f"`piece` must be K/N with K from 1 to N, got {text!r}")
    return int(number), int(count)
