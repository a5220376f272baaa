"""The options of the chosen method, beside those that a command has for all methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from embcomp.checks import Boolean, Check, Either, OneOf, Option, Role
from embcomp.cli.command import METHOD, Command, Name, note, typed
from embcomp.cli.common import SourceOption, options, seed_option
from embcomp.cli.recipe import read_recipe, recipe_arguments
from embcomp.compressors.registry import DEFAULT
from embcomp.errors import ParameterError

if TYPE_CHECKING:
    from embcomp.compressors.base import Compressor

SEED: Role = "seed"  # all methods that have an option of this role share the command's own --seed

PREFIX = "method_"
KIND, NAMED, CHOSEN = "embcomp.kind", "embcomp.named", "embcomp.options"  # in a context's meta


fitting_options = options(
    click.option(
        "--method",
        type=METHOD,
        default=DEFAULT,
        show_default=True,
        metavar="NAME",
        help="How to compress; embcomp methods lists what there is.",
    ),
    click.option(
        "--recipe",
        metavar="FILE",
        expose_value=False,
        help="Take method and options from a TOML file of embcomp info --recipe; what is given here counts.",
    ),
    seed_option,
)
"""Of commands that fit a method: which one, and its seed; a :class:`MethodCommand` adds the method's own."""
yes_option = click.option("--yes", is_flag=True, help="Start work that will take hours.")


class MethodCommand(Command):
    """A command with ``--method``: it has that method's options too, and shows them in its help if one is named."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, and the method's; no ``--seed`` for a method that has none."""
        own, kind = super().get_params(ctx), ctx.meta.get(KIND)
        if kind is not None and kind.option_for(SEED) is None:
            own = [each for each in own if each.name != SEED]
        return [*own, *ctx.meta.get(CHOSEN, [])]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find out which method it is, and parse with its options.

        Raises:
            ParameterError: there is no such method.
            click.UsageError: neither the command nor the method has an option; the method's are named.
        """
        from embcomp.compressors.registry import compressor_class

        own = self.make_parser(ctx)
        own.ignore_unknown_options = True
        found = own.parse_args(list(args))[0]
        path = "" if ctx.resilient_parsing else found.get("recipe") or ""
        recipe = read_recipe(path) if path else {}
        named = found.get("method") or recipe.get("method")
        default = next(each.default for each in self.params if each.name == "method")
        try:
            kind = compressor_class(str(named or default))
        except ParameterError:
            if ctx.resilient_parsing:  # a shell wants to complete something else
                return super().parse_args(ctx, args)
            raise
        flags = self.method_flags(ctx, kind)
        ctx.meta[CHOSEN] = [MethodOption(kind, each, flags) for each in kind.options if each.role != SEED]
        ctx.meta[KIND] = kind
        ctx.meta[NAMED] = named is not None
        if path:
            reading = {str(each.name): each.opts[0] for each in self.params if isinstance(each, SourceOption)}
            ordered = recipe_arguments(path, recipe, flags, reading)
            args = ["--method", kind.name, *ordered, *args]  # what the user gives comes last, and counts
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from difflib import get_close_matches

            has = ", ".join(flags.values()) or "no options"
            near = get_close_matches(error.option_name, super().flags(ctx).values(), cutoff=0.75)
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            ctx.fail(f"there is no option {error.option_name}{hint}; method {kind.name} has {has}")

    def method_flags(self, ctx: click.Context, kind: type[Compressor]) -> dict[str, str]:
        """The flags of a method's options, by name; ``--METHOD-NAME`` where the command has an option ``--NAME``."""
        taken = {flag for each in super().get_params(ctx) for flag in each.opts}
        return {each.name: _flag(each, f"--{kind.name}-", taken) for each in kind.options}

    def flags(self, ctx: click.Context) -> dict[str, str]:
        """The flag of each option of the command and of the method, by its name in the library."""
        kind = ctx.meta.get(KIND)
        return super().flags(ctx) | ({} if kind is None else self.method_flags(ctx, kind))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: with those of the method if one is named, else with the methods that there are."""
        if ctx.meta.get(NAMED):
            super().format_options(ctx, formatter)
            return
        from embcomp.compressors.registry import compressor_classes

        ctx.meta[CHOSEN] = []
        super().format_options(ctx, formatter)
        kinds = [kind for kind in compressor_classes().values() if self.name != "fit" or kind.encodes_vectors]
        with formatter.section("Methods"):
            formatter.write_dl([(kind.name, kind.summary) for kind in kinds])
        formatter.write_paragraph()
        formatter.write_text(f"A method's own options: {ctx.command_path} --method NAME --help")


class MethodOption(click.Option):
    """One option of one method, in that method's words."""

    def __init__(self, kind: type[Compressor], option: Option, flags: Mapping[str, str]) -> None:
        self.section = f"Options of {kind.name}"
        super().__init__(
            [flags[option.name], PREFIX + option.name],
            type=Value(kind.name, option),
            metavar=_metavar(option.check),
            help=f"{typed(option.help, flags)}  [{option.check.describe()}; default: {shown(option.default)}]",
        )


class Value(Name):
    """A value of a method's option, read as the option's check reads it."""

    name = "value"

    def __init__(self, method: str, option: Option) -> None:
        self._method, self._option = method, option
        super().__init__("", *_words(option.check))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read text."""
        return self._option.parse(self._method, value)


def chosen_compressor(method: str, seed: int | None, given: dict[str, Any]) -> tuple[dict[str, Any], Compressor]:
    """Take the method's own options out of a command's arguments; return them, and the compressor they make."""
    from embcomp.compressors.registry import compressor_class

    kind = compressor_class(method)
    taken = {name: given.pop(name) for name in list(given) if name.startswith(PREFIX)}
    chosen = {name.removeprefix(PREFIX): value for name, value in taken.items() if value is not None}
    random = kind.option_for(SEED)
    seeded = {} if seed is None or random is None else {random.name: seed}
    return chosen, kind.from_config(chosen | seeded)


def approve_fit(method: str, seconds: float, *, yes: bool, quiet: bool) -> None:
    """Say how long fitting will take if that is more than a minute; refuse if it is more than an hour."""
    if seconds < 60:
        return
    text = f"{seconds / 60:.0f} minutes" if seconds < 3600 else f"{seconds / 3600:.1f} hours"
    if seconds >= 3600 and not yes:
        raise ParameterError(f"{method}: fitting will take about {text}; `yes` starts it, fewer `epochs` take less")
    note(f"embcomp: {method}: fitting will take about {text}", quiet=quiet)


def shown(value: Any) -> str:
    """A value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flag(option: Option, prefix: str, taken: set[str]) -> str:
    if option.role == SEED:
        return "--seed"
    return prefix + option.flag[2:] if option.flag in taken else option.flag


def _words(check: Check) -> list[str]:
    """The words among the values that a check allows."""
    if isinstance(check, Either):
        return [word for each in check.checks for word in _words(each)]
    if isinstance(check, Boolean):
        return ["true", "false"]
    return list(check.words) if isinstance(check, OneOf) else []


def _metavar(check: Check) -> str:
    parts = check.checks if isinstance(check, Either) else (check,)
    numbers = [] if all(_words(part) for part in parts) else ["N"]
    return "|".join([*numbers, *_words(check)])
