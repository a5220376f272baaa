"""``embcomp methods``: what there is, with every option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from embcomp.cli import compress
from embcomp.cli.command import METHOD, Command, typed
from embcomp.cli.method_options import shown
from embcomp.cli.results import Results, form_option

if TYPE_CHECKING:
    from embcomp.compressors.base import Compressor


@click.command("methods", cls=Command)
@click.argument("names", nargs=-1, type=METHOD, metavar="[METHOD]…")
@form_option
def command(names: tuple[str, ...], form: str | None) -> None:
    """List the compression methods and their options, or those of each METHOD."""
    from embcomp.compressors.registry import compressor_class, compressor_classes

    kinds = [compressor_class(name) for name in names] or compressor_classes().values()
    results = Results(form, _print, _rows)
    for kind in kinds:
        results.add(_document(kind))
    results.finish()


def _print(method: dict[str, Any]) -> None:
    click.echo(f"{method['method']}: {method['summary']}")
    for option in method["options"]:
        click.echo(f"  {option['option']}  {option['help']}")
        click.echo(f"      {option['must_be']}; default {shown(option['default'])}")


def _rows(method: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each option."""
    return [{"method": method["method"]} | option for option in method["options"]]


def _document(kind: type[Compressor]) -> dict[str, Any]:
    """What a method is; options as ``embcomp compress`` takes them, and by their names in the library."""
    context = click.Context(compress.command, parent=click.get_current_context().parent)
    flags = compress.command.method_flags(context, kind)
    options = [
        {
            "option": flags[option.name],
            "name": option.name,
            "must_be": option.check.describe(),
            "default": option.default,
            "help": typed(option.help, flags),
        }
        for option in kind.options
    ]
    return {"method": kind.name, "summary": kind.summary, "options": options}
