"""The commands ``train`` and ``eval``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from embcomp.checks import Boolean
from embcomp.cli.command import Command, note
from embcomp.cli.common import quiet_option
from embcomp.cli.method_options import Value
from embcomp.cli.progress import overall_bar
from embcomp.cli.results import json_option, print_all
from embcomp.torch.lm.systems import Recipe

TEXT = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class LmCommand(Command):
    """A command whose examples are in docs/models.md."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def group() -> None:
    """Train language models whose tables are compressed, and measure them."""


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a recipe; one that is not given is ``None``."""
    for each in reversed(Recipe.options):
        flag = "--seed" if each.role == "seed" else each.flag
        if isinstance(each.check, Boolean):
            add = click.option(flag, each.name, is_flag=True, default=None, help=each.help)
        else:
            text = f"{each.help}  [{each.check.describe()}; default: {each.default}]"
            add = click.option(flag, each.name, type=Value("lm", each), metavar="VALUE", help=text)
        command = add(command)
    return command


@group.command("train", cls=LmCommand)
@click.argument("text", type=TEXT)
@click.option("-o", "--output", required=True, type=FOLDER, help="Folder for the model.")
@click.option("--valid", required=True, type=TEXT, help="Text that perplexity is measured on after each epoch.")
@click.option("--test", type=TEXT, help="Text that perplexity is measured on at the end.")
@click.option("--from", "start", type=FOLDER, help="Start with the LSTM and the float32 tables of this model.")
@click.option("--input", "given", type=TEXT, help="The input table of the systems 'kd' and 'embc', an .embc file.")
@recipe_options
@json_option
@quiet_option
def train(
    text: Path,
    output: Path,
    valid: Path,
    test: Path | None,
    start: Path | None,
    given: Path | None,
    form: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train a language model on TEXT, one sentence a line, plain or gzip.

    A training that was interrupted goes on where it was when the same command is given again.
    """
    from embcomp.torch.lm import running

    recipe = Recipe(**{name: value for name, value in options.items() if value is not None})
    with overall_bar(quiet=quiet) as progress:
        document = running.train(recipe, running.Texts(text, valid, test), output, start, given, progress)
    if form is not None:
        print_all(form, [document], "lm-train-1")
    else:
        _print_model(document)
    note(f"{output}: the model, {document['bytes']['files']} bytes", quiet=quiet)


@group.command("eval", cls=LmCommand)
@click.argument("model", type=FOLDER)
@click.argument("text", type=TEXT)
@click.option("--input", "given", type=TEXT, help="Take this .embc file for the input table.")
@json_option
def evaluate(model: Path, text: Path, given: Path | None, form: str | None) -> None:
    """Print the perplexity of TEXT under MODEL, a folder that ``train`` made."""
    from embcomp.torch.lm import running

    document = running.evaluate(model, text, given)
    if form is not None:
        print_all(form, [document], "lm-eval-1")
    else:
        click.echo(f"perplexity {document['perplexity']:.2f}")


def _print_model(document: dict[str, Any]) -> None:
    for number, epoch in enumerate(document["epochs"], start=1):
        click.echo(f"epoch {number}: valid {epoch['valid']:.2f}")
    if document["test"] is not None:
        click.echo(f"test {document['test']:.2f}")
    for part, n_bytes in document["bytes"].items():
        click.echo(f"{part}: {n_bytes} bytes")
