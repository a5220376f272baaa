"""``embcomp verify``: check every byte of a container."""

from __future__ import annotations

from pathlib import Path

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, json_option, max_memory_option
from embcomp.cli.text import print_json, visible


@click.command("verify", cls=Command)
@container_argument
@max_memory_option
@json_option
def command(file: Path, as_json: bool) -> None:
    """Check every byte of FILE. Exits with 0 if it is whole, with 1 if it is not."""
    from embcomp.container.reader import verify

    problems = verify(file)
    if as_json:
        print_json({"ok": not problems, "problems": problems})
    else:
        for problem in problems:
            click.echo(visible(problem))
        if not problems:
            click.echo(f"{visible(str(file))}: ok")
    if problems:
        raise click.exceptions.Exit(1)
