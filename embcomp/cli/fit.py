"""``embcomp fit``: learn from a source what its parts are encoded with."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from embcomp.cli import common
from embcomp.cli.command import note
from embcomp.cli.method_options import MethodCommand, approve_fit, chosen_compressor, fitting_options, yes_option
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible
from embcomp.files import check_target


@click.command("fit", cls=MethodCommand)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…", type=click.Path())
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT.embm", help="Output file."
)
@fitting_options
@common.count_option("--pieces", default=1, help="Cut one text file into N parts.")
@common.threads_option
@click.option(
    "--max-memory",
    type=common.Size(),
    metavar="SIZE",
    help="Memory that vectors may take; default half of what is free.",
)
@yes_option
@common.output_options
@common.source_options
def command(
    sources: tuple[str, ...],
    output: Path,
    method: str,
    pieces: int,
    max_memory: int | None,
    yes: bool,
    force: bool,
    quiet: bool,
    seed: int | None = None,
    **given: Any,
) -> None:
    """Learn from the files of SOURCE what embcomp compress would learn from them, and write a model.

    embcomp encode makes codes of the files with it, on as many machines as there are, and embcomp merge one file of
    these. Methods that learn from the first rows read only these; graded ones read everything once.
    """
    _, compressor = chosen_compressor(method, seed, given)
    check_target(output, force=force, sources=[*sources, *common.lists_in(given)])
    options = common.read_options(given, sources)

    from embcomp.collection.model import fit, parts_of
    from embcomp.container.writer import save

    approve = partial(approve_fit, method, yes=yes, quiet=quiet)
    with progress_bars(quiet=quiet) as progress:
        model = fit(sources, compressor, options, progress, max_memory, n_pieces=pieces, approve=approve)
    save(model, output, force=force)
    n_parts = len(parts_of(sources, pieces))
    note(f"{visible(str(output))}: {method}, {n_parts} part{'s' * (n_parts > 1)} to be encoded", quiet=quiet)
