"""What a command is here: its help has sections, its errors name options as they are typed, its values complete.

The library writes the names of its options in backticks: ```bits` must be …``. A command that has an option of that
name shows the flag instead: ``--bits must be …``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.text import visible
from embcomp.errors import EmbcompError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_OPTION = re.compile(r"(?<!['\"])`([a-z_]+)`")  # in quotation marks, it is a word of the user's


class Command(click.Command):
    """A command whose parameters have the names of the library's options, whatever their flags are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; an error names options as they are typed."""
        with self.typed_errors(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run; an error names options as they are typed."""
        with self.typed_errors(ctx):
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, in sections."""
        for title, rows in sections(self, ctx).items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        from embcomp.cli.examples import EXAMPLES

        with formatter.section("Examples"):
            for line in EXAMPLES[str(ctx.info_name)]:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def flags(self, ctx: click.Context) -> dict[str, str]:
        """The flag of each option, by its name in the library."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        return {each.name: max(each.opts, key=len) for each in options if each.name}

    @contextmanager
    def typed_errors(self, ctx: click.Context) -> Iterator[None]:
        """Replace the names of options by their flags in errors that are raised within."""
        try:
            yield
        except EmbcompError as error:
            error.args = (typed(str(error), self.flags(ctx)),)
            raise


def sections(command: click.Command, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """The flags and help of a command's options, by the titles of the sections in which its help shows them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if isinstance(parameter, click.Option) and record is not None:
            found.setdefault(getattr(parameter, "section", "Options"), []).append(record)
    return found


def typed(text: str, flags: Mapping[str, str]) -> str:
    """Show options as they are typed, where they are in ``flags``."""
    return _OPTION.sub(lambda found: flags.get(found[1], found[0]), text)


def note(message: str, *, quiet: bool = False) -> None:
    """Print lines on stderr; names of options as they are typed."""
    context = click.get_current_context()
    flags = context.command.flags(context) if isinstance(context.command, Command) else {}
    if not quiet:
        for line in typed(message, flags).split("\n"):
            click.echo(visible(line), err=True)


class Name(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no argument for it
    """Text that is completed from a list of names; the library checks the value."""

    name = "name"

    def __init__(self, names: str, *more: str, separator: str | None = None) -> None:
        """Take the function that lists the names, ``module:function``, which is imported when they are wanted."""
        self._names, self._more, self._separator = names, more, separator

    def names(self) -> list[str]:
        """All names."""
        module, _, function = self._names.partition(":")
        return [*self._more, *(getattr(import_module(module), function)() if module else ())]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the name, or after separators the last one."""
        from click.shell_completion import CompletionItem

        done, separator, start = incomplete.rpartition(self._separator) if self._separator else ("", "", incomplete)
        return [CompletionItem(done + separator + name) for name in self.names() if name.startswith(start)]


METHOD = Name("embcomp.compressors.registry:method_names")
