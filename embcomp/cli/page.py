"""``embcomp page``: one self-contained page around a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, force_option
from embcomp.files import check_target, writing


@click.command("page", cls=Command)
@container_argument
@click.option("-o", "--output", metavar="OUT.html", help="Output file; stdout if absent.")
@click.option("--title", help="Heading of the page; the file's name if absent.")
@force_option
def command(file: str, output: str | None, title: str | None, force: bool) -> None:
    """Write a page that holds FILE and shows its words: neighbours, analogies, a map.

    The page is one HTML file, a quarter larger than FILE. It works offline, in any current browser.
    """
    from embcomp.container.reader import open_container
    from embcomp.webpage import page_of

    if output is None and sys.stdout.isatty():
        raise click.UsageError("a page for a terminal; give -o FILE, or a pipe")
    if output not in (None, "-"):
        check_target(Path(str(output)), force=force, sources=[file])
    open_container(file)  # refuses what is no container
    page = page_of(Path(file).read_bytes(), title or Path(file).stem).encode()
    with writing(output or "-", force=force) as target:
        target.write(page)
