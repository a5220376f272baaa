"""``embcomp sample``: a small real file to try things on."""

from __future__ import annotations

import gzip
import shutil
import sys
from importlib.resources import files

import click

from embcomp.cli.command import Command
from embcomp.cli.common import force_option
from embcomp.files import writing

SAMPLE = "glove.6B.100d.sample.txt.gz"


@click.command("sample", cls=Command)
@click.option("-o", "--output", metavar="OUT.txt", help="Output file; stdout if absent.")
@force_option
def command(output: str | None, force: bool) -> None:
    """Write about 8,000 words of GloVe 6B 100d as text.

    Pennington, Socher, Manning 2014; public domain (PDDL 1.0).
    """
    if output is None and sys.stdout.isatty():
        raise click.UsageError("7 MB of numbers for a terminal; give -o FILE, or a pipe")
    sample = files("embcomp") / "data" / SAMPLE
    with sample.open("rb") as packed, gzip.open(packed) as text, writing(output or "-", force=force) as target:
        shutil.copyfileobj(text, target)
