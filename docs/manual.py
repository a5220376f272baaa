"""Write manual pages from the commands, as roff: ``docs/man/*.1`` (``make man`` does).

Wheels that are built afterwards install them. Their date is that of ``SOURCE_DATE_EPOCH``, as in the archives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from embcomp import __version__
from embcomp.cli.command import sections
from embcomp.cli.examples import EXAMPLES
from embcomp.cli.main import COMMANDS, group
from embcomp.compressors.registry import BUILT_IN

FOLDER = Path(__file__).with_name("man")
EXIT_STATUS = {
    "0": "Done.",
    "1": "Checked, and the answer is no.",
    "2": "Usage or parameter.",
    "3": "Input or output file.",
    "4": "Container refused.",
    "70": "A bug, with its traceback.",
    "130": "Interrupted.",
}
DATE = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "1577836800")), UTC).date()


def pages() -> dict[str, str]:
    """The text of each page by the name of its file."""
    parent = group.make_context("embcomp", [], resilient_parsing=True)
    named = {f"embcomp-{name}.1": page(name, text, parent) for name, text in COMMANDS.items()}
    return {"embcomp.1": main_page(parent)} | named


def main_page(context: click.Context) -> str:
    """The page of ``embcomp`` itself."""
    return joined(
        *heading("embcomp", str(group.help).rstrip(".")),
        *synopsis("embcomp", ["[OPTIONS]", "COMMAND", "[ARGS]..."]),
        *options(group, context),
        ".SH COMMANDS",
        *(line for name, text in COMMANDS.items() for line in (".TP", f".BR embcomp\\-{name} (1)", roff(text))),
        ".SH EXIT STATUS",
        *(line for code, text in EXIT_STATUS.items() for line in (".TP", f".B {code}", roff(text))),
    )


def page(name: str, summary: str, parent: click.Context) -> str:
    """The page of one command."""
    command = group.get_command(parent, name)
    if command is None:
        raise KeyError(name)
    context = command.make_context(name, [], parent, resilient_parsing=True)
    methods = BUILT_IN if name == "compress" else []
    return joined(
        *heading(f"embcomp-{name}", summary.rstrip(".")),
        *synopsis(f"embcomp {name}", command.collect_usage_pieces(context)),
        ".SH DESCRIPTION",
        *paragraphs(str(command.help)),
        *options(command, context),
        *(line for method in methods for line in options_of(method, command, parent)),
        ".SH EXAMPLES",
        ".nf",
        *map(roff, EXAMPLES[name]),
        ".fi",
        ".SH SEE ALSO",
        ".BR embcomp (1)",
    )


def heading(name: str, summary: str) -> Iterator[str]:
    """Title and name."""
    yield f'.TH {roff(name.upper())} 1 "{DATE}" "embcomp {__version__}"'
    yield ".SH NAME"
    yield rf"{roff(name)} \- {roff(summary[0].lower() + summary[1:])}"


def synopsis(name: str, arguments: list[str]) -> Iterator[str]:
    """How it is called."""
    yield ".SH SYNOPSIS"
    yield f".B {roff(name)}"
    yield roff(" ".join(arguments))


def paragraphs(text: str) -> Iterator[str]:
    """Paragraphs, which are separated by empty lines."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ".PP"
        yield roff(" ".join(paragraph.split()))


def options(command: click.Command, context: click.Context, only: str = "") -> Iterator[str]:
    """Options in their sections, or those of one section."""
    for title, records in sections(command, context).items():
        if title == only or not (only or title.startswith("Options of")):
            yield f".SH {roff(title.upper())}"
            for flags, text in records:
                yield from (".TP", f".B {roff(flags)}", roff(" ".join(text.split())))


def options_of(method: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    """The options of one method, which ``compress`` has with ``--method``."""
    context = command.make_context("compress", ["--method", method], parent, resilient_parsing=True)
    return options(command, context, f"Options of {method}")


def roff(text: str) -> str:
    """Text with what roff would read as its own escaped; none of it begins with a control character."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga").replace("^", r"\(ha")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def joined(*lines: str) -> str:
    """The lines of a page."""
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
