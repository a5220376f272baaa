"""``embcomp verify``: check every byte of containers."""

from __future__ import annotations

from typing import Any

import click

from embcomp.cli import common
from embcomp.cli.command import Command, note
from embcomp.cli.progress import progress_bars
from embcomp.cli.results import Results, form_option
from embcomp.cli.text import visible
from embcomp.collection import is_collection
from embcomp.errors import EmbcompError


@click.command("verify", cls=Command)
@common.containers_argument
@common.max_memory_option
@common.engine_option
@form_option
def command(files: tuple[str, ...], on: str | None, form: str | None) -> None:
    """Check every byte of each FILE (- for stdin), an .embc file or a collection.

    Exits with 0 if all are whole, with 1 if one is not, and with 3 or 4 if one cannot be read or is no container; the
    others are checked all the same.
    """
    if not any(map(is_collection, files)):
        common.refuse_given(["on"], common.NOT_A_COLLECTION)
    results = Results(form, _print)
    worst = 0
    for file in files:
        problems, code = _check(file, on)
        if code > 1:
            note(f"embcomp: {problems[0]}")
        results.add({"file": file, "ok": not problems, "problems": problems if form or code == 1 else []})
        worst = max(worst, code)
    results.finish()
    if worst:
        raise click.exceptions.Exit(worst)


def _check(file: str, on: str | None) -> tuple[list[str], int]:
    """What is wrong with a file, and the exit code that stands for it; one reason if it could not be checked."""
    from embcomp.collection.checking import check
    from embcomp.container.reader import verify

    try:
        if is_collection(file):
            with progress_bars(quiet=False) as progress:
                problems = check(file, common.chosen_engine(on), progress)
        else:
            problems = verify(file)
    except EmbcompError as error:
        return [str(error)], error.exit_code
    return problems, 1 if problems else 0


def _print(checked: dict[str, Any]) -> None:
    """Say what is wrong, or that nothing is; of a file that could not be checked stderr tells."""
    for problem in checked["problems"]:
        click.echo(visible(problem))
    if checked["ok"]:
        click.echo(f"{visible(checked['file'])}: ok")
