"""What the commands share: options of sources and searches, opening what they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from embcomp.checks import parse_size, require_share
from embcomp.cli.command import Name
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible
from embcomp.collection import is_collection

if TYPE_CHECKING:
    from embcomp.collection.engines import Engine
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding
    from embcomp.eval.run import Chosen
    from embcomp.eval.target import OovPolicy
    from embcomp.formats import ReadOptions

Function = TypeVar("Function", bound=Callable[..., Any])

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary on stderr.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output file.")
generation_option = click.option(
    "--force", is_flag=True, help="Replace an existing output file; publish another generation of a collection."
)


def options(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Add several options with one decorator, in this order."""

    def add(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add


def count_option(
    *names: str, default: int | None = None, least: int = 1, most: int | None = None, **settings: Any
) -> Callable[[Function], Function]:
    """Add an option that is a whole number; its default is shown, if it has one."""
    numbers = click.IntRange(least, most)
    return click.option(*names, type=numbers, default=default, show_default=True, **{"metavar": "N"} | settings)


def word_option(flag: str, words: Sequence[str], help: str, **settings: Any) -> Callable[[Function], Function]:
    """Add an option that is one of a few words, the first if absent."""
    choice = click.Choice(words)
    return click.option(flag, type=choice, default=words[0], show_default=True, help=help, **settings)


class Size(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no argument for it
    """A number of bytes, as in 200MB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read text."""
        return parse_size(str(param.name if param else self.name), value)


def share(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no share of a score: for ``callback`` of an option."""
    if value is not None:
        require_share(str(parameter.name), value)
    return value


def _set_threads(context: click.Context, parameter: click.Parameter, value: int | None) -> None:
    if not context.resilient_parsing:
        from embcomp.threads import set_threads

        set_threads(value)


threads_option = click.option(
    "--threads",
    type=int,
    metavar="N",
    expose_value=False,
    callback=_set_threads,
    help="Threads; all cores if absent. Results do not depend on it.",
)


def _set_max_memory(context: click.Context, parameter: click.Parameter, value: int | None) -> None:
    if not context.resilient_parsing:
        from embcomp.memory import set_max_memory

        set_max_memory(value)


max_memory_option = click.option(
    "--max-memory",
    type=Size(),
    metavar="SIZE",
    expose_value=False,
    callback=_set_max_memory,
    help="Refuse to hold more vectors than this, as in 200MB; default what is free.",
)
running_options = options(threads_option, max_memory_option)
output_options = options(force_option, quiet_option)
container_argument = click.argument("file", type=click.Path())
containers_argument = click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path())
suite_options = options(
    click.option(
        "--suite",
        "suites",
        type=Name("embcomp.eval.suite:suite_names"),
        multiple=True,
        metavar="NAME",
        help="Run this suite only (repeatable); default all.",
    ),
    click.option(
        "--data", "data_dir", type=click.Path(path_type=Path), metavar="DIR", help="A folder with further data sets."
    ),
)
seed_option = count_option("--seed", least=0, most=2**32 - 1, help="Seed of all randomness (default 0).")
scoring_options = options(
    suite_options,
    word_option("--oov", ["mean", "skip"], "A missing word: the mean of all vectors, or leave its row out."),
    seed_option,
)
"""Of commands that score embeddings."""


def scoring(given: dict[str, Any], *, has_baseline: bool) -> tuple[Chosen, OovPolicy, int]:
    """Take the values of :data:`scoring_options` out of a command's arguments: suites with their data, oov, seed."""
    from embcomp.eval.run import choose

    suites, data_dir, oov, seed = (given.pop(name) for name in ("suites", "data_dir", "oov", "seed"))
    return choose(suites or None, data_dir, has_baseline=has_baseline), oov, seed or 0


class SourceOption(click.Option):
    """An option about how a source is read; its name is that of a field of ``ReadOptions``."""

    section = "Reading a source"


source_option = partial(click.option, cls=SourceOption)
FILE: dict[str, Any] = {"type": click.Path(path_type=Path), "metavar": "FILE"}
source_options = options(
    source_option(
        "--format",
        type=Name("embcomp.formats:readable_formats"),
        metavar="NAME",
        help="Format of the source; found out from its content if not given.",
    ),
    count_option("--limit", cls=SourceOption, help="Read the first N rows only."),
    word_option(
        "--duplicates",
        ["first", "error"],
        "A word seen before: keep the first and count the others, or refuse.",
        cls=SourceOption,
    ),
    word_option(
        "--bad-rows",
        ["error", "skip"],
        "A row of wrong length, not a number, NaN or infinite: refuse, or drop and count.",
        cls=SourceOption,
    ),
    word_option(
        "--encoding-errors",
        ["strict", "replace", "ignore"],
        "A word that is not valid UTF-8: refuse, put U+FFFD for the bytes, or leave them out.",
        cls=SourceOption,
    ),
    source_option("--words", **FILE, help="Keep the words of this list only, one per line; - for stdin."),
    source_option("--word-list", **FILE, help="The words of an .npy source that has none in it, one per line."),
    source_option("--sha256", metavar="HEX", help="Refuse a source with another SHA-256."),
    source_option("--word-column", metavar="NAME", help="Column of the words in a table, or dataset in HDF5."),
    source_option("--vector-column", metavar="NAME", help="Column of the vectors in a table, or dataset in HDF5."),
    source_option(
        "--allow-pickle", is_flag=True, help="Read native gensim files, which can run code: trusted files only."
    ),
)
"""How a source file is read."""


def read_options(given: dict[str, Any], sources: Iterable[str]) -> ReadOptions:
    """Take the values of :func:`source_options` out of a command's arguments, and read the list of wanted words.

    Raises:
        click.UsageError: standard input would be read twice.
        InputError: the list of wanted words cannot be read.
    """
    from embcomp.formats import ReadOptions, read_word_list

    chosen = {field.name: given.pop(field.name) for field in fields(ReadOptions) if field.name in given}
    options = ReadOptions(**chosen | {"words": None})
    wanted = chosen["words"]
    if wanted is None:
        return options
    if str(wanted) == "-" and "-" in sources:
        raise click.UsageError("--words - and the source - both want standard input")
    return replace(options, words=read_word_list(wanted, options.encoding_errors))


def lists_in(given: Mapping[str, Any]) -> list[Path | None]:
    """The files that :func:`read_options` will read, or have read: no target may be one of them."""
    return [given["words"], given["word_list"]]


def notes_on(source: Mapping[str, Any]) -> list[str]:
    """Lines for people on what was left out of a source."""
    name = visible(source["name"])
    dropped = [
        f"{source[key]} {what}"
        for key, what in (("duplicates_dropped", "duplicate rows"), ("bad_rows_dropped", "bad rows"))
        if source[key]
    ]
    lines = [f"dropped from {name}: {', '.join(dropped)}"] if dropped else []
    if "words_not_found" in source:
        found, missing = source["rows"], source["words_not_found"]
        beside = f" and {missing} were not" if missing else ""
        lines.append(f"of {found + missing} words wanted, {found} were found in {name}{beside}")
    return lines


engine_option = click.option(
    "--on",
    metavar="ENGINE",
    help="Who works on a collection: processes of this machine, as many as cores (the default) or processes=N; dask "
    "for a local cluster, or dask=ADDRESS of a scheduler; serial for this process.",
)


def chosen_engine(on: str | None) -> Engine:
    """Return what ``--on`` names."""
    from embcomp.collection.engines import engine

    return engine(on or "processes")


NOT_A_COLLECTION = "is for a collection, NAME.embcs"


def refuse_given(names: Iterable[str], why: str) -> None:
    """Refuse options of the current command, by their names as arguments.

    Raises:
        click.UsageError: with the flag of the first that was given, and why.
    """
    context = click.get_current_context()
    for each in context.command.params:
        if each.name in names and context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{each.opts[0]} {why}")


def open_compressed(path: str | Path) -> EncodedEmbedding:
    """Open a container or a collection."""
    from embcomp.container.reader import open_container

    if not is_collection(path):
        return open_container(path)
    from embcomp.collection.opened import open_collection

    return open_collection(str(path))


def described(path: str | Path) -> dict[str, Any]:
    """Return what a container or a collection holds: the document of ``embcomp info --json``."""
    from embcomp.container.description import describe

    if not is_collection(path):
        return describe(path)
    from embcomp.collection.checking import describe as describe_collection

    return describe_collection(str(path))


def open_any(file: str, given: dict[str, Any]) -> EncodedEmbedding | Embedding:
    """Open a container or a collection, or read an original file with the options that were given for that.

    Raises:
        click.UsageError: such an option was given for a container.
    """
    from embcomp.container.reader import is_container

    if is_container(file) or is_collection(file):
        names = [
            str(each.name) for each in click.get_current_context().command.params if isinstance(each, SourceOption)
        ]
        refuse_given(names, f"is about reading a source; {visible(str(file))} is compressed")
        return open_compressed(file)
    from embcomp.api import as_target  # after what is compressed: formats take longer to import than that to open

    with progress_bars(quiet=False) as progress:
        return as_target(str(file), read_options(given, [str(file)]), progress)
