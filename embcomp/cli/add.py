"""``embcomp add``: more words, encoded as the others were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command, note
from embcomp.cli.common import (
    container_argument,
    described,
    force_option,
    lists_in,
    max_memory_option,
    quiet_option,
    read_options,
    source_options,
    threads_option,
)
from embcomp.cli.progress import progress_bars
from embcomp.cli.results import json_option, print_all
from embcomp.cli.text import visible
from embcomp.files import check_target

if TYPE_CHECKING:
    from embcomp.formats import ReadOptions


@click.command("add", cls=Command)
@container_argument
@click.argument("more", metavar="MORE")
@click.option(
    "-o", "--output", metavar="OUT.embc", type=click.Path(path_type=Path), help="Needed unless FILE is a collection."
)
@force_option
@threads_option
@max_memory_option
@quiet_option
@json_option
@source_options
def command(
    file: str, more: str, output: Path | None, force: bool, quiet: bool, form: str | None, **given: Any
) -> None:
    """Encode the vectors of MORE (- for stdin) as those of FILE were, and write both to OUT.embc.

    Nothing is fitted again: new words should come from the same model. They follow the words of FILE; words that FILE
    has already keep their code there, and are counted. Methods without a code for each vector cannot take new words.
    A collection takes them in place, as its next generation.
    """
    from embcomp.collection import is_collection

    if is_collection(file):
        if output is not None:
            raise click.UsageError("-o is for a FILE that is no collection: words are added to a collection in place")
        _add_to_collection(file, more, read_options(given, [more]), quiet=quiet)
        if form is not None:
            print_all(form, [{"file": file} | described(file)], "info-1")
        return
    if output is None:
        raise click.UsageError("give the output file with -o")
    from embcomp.container.reader import open_container
    from embcomp.container.writer import save
    from embcomp.formats import read_embedding

    check_target(output, force=force, sources=[more, *lists_in(given)])  # FILE may be replaced: the output holds it
    options = read_options(given, [more, str(file)])
    encoded = open_container(file)
    encoded.require_encoding()
    with progress_bars(quiet=quiet) as progress:
        embedding = read_embedding(more, options, progress)
    grown, n_known = encoded.extended(embedding)
    save(grown, output, force=force)
    if form is not None:
        print_all(form, [{"file": str(output)} | described(output)], "info-1")
    n_added = len(grown) - len(encoded)
    known = f", {n_known} were there already" if n_known else ""
    note(f"{visible(str(output))}: {len(grown)} words, {n_added} of them new{known}", quiet=quiet)


def _add_to_collection(root: str, more: str, options: ReadOptions, *, quiet: bool) -> None:
    from embcomp.collection.changes import add

    with progress_bars(quiet=quiet) as progress:
        manifest, n_added, n_known = add(root, more, options, progress)
    known = f", {n_known} were there already" if n_known else ""
    what = f"{manifest.rows} words, {n_added} of them new{known}, generation {manifest.generation}"
    note(f"{visible(root)}: {what}", quiet=quiet)
