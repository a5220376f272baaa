"""``embcomp verify``: check every byte of containers."""

from __future__ import annotations

from typing import Any

import click

from embcomp.cli.command import Command, note
from embcomp.cli.common import containers_argument, engine_option, json_option, max_memory_option
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import print_json, visible
from embcomp.errors import EmbcompError


@click.command("verify", cls=Command)
@containers_argument
@max_memory_option
@engine_option
@json_option
def command(files: tuple[str, ...], on: str, as_json: bool) -> None:
    """Check every byte of each FILE (- for stdin), an .embc file or a collection.

    Exits with 0 if all are whole, with 1 if one is not, and with 3 or 4 if one cannot be read or is no container; the
    others are checked all the same.
    """
    checked = [_check(file, on) for file in files]
    problems = [problem for each in checked for problem in each["problems"]]
    if as_json:
        print_json({"ok": not problems, "problems": problems, "files": [_document(each) for each in checked]})
    for each in checked:
        _report(each, as_text=not as_json)
    if problems:
        raise click.exceptions.Exit(max(each["code"] for each in checked))


def _check(file: str, on: str) -> dict[str, Any]:
    from embcomp.collection import is_collection
    from embcomp.container.reader import verify

    try:
        problems = _check_collection(file, on) if is_collection(file) else verify(file)
    except EmbcompError as error:
        return {"file": file, "problems": [str(error)], "code": error.exit_code}
    return {"file": file, "problems": problems, "code": 1 if problems else 0}


def _check_collection(root: str, on: str) -> list[str]:
    from embcomp.collection.checking import check
    from embcomp.collection.engines import engine

    with progress_bars(quiet=False) as progress:
        return check(root, engine(on), progress)


def _document(checked: dict[str, Any]) -> dict[str, Any]:
    return {"file": checked["file"], "ok": not checked["problems"], "problems": checked["problems"]}


def _report(checked: dict[str, Any], *, as_text: bool) -> None:
    """Say what is wrong on stdout, and why a file could not be checked on stderr."""
    for problem in checked["problems"]:
        if checked["code"] > 1:
            note(f"embcomp: {problem}")
        elif as_text:
            click.echo(visible(problem))
    if as_text and not checked["problems"]:
        click.echo(f"{visible(checked['file'])}: ok")
