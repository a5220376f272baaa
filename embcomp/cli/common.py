"""What the commands share: options of sources and searches, opening what they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from embcomp.checks import parse_size
from embcomp.cli.command import Name, suite_names
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible

if TYPE_CHECKING:
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding
    from embcomp.formats import ReadOptions
    from embcomp.progress import Progress

Function = TypeVar("Function", bound=Callable[..., Any])

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary on stderr.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output file.")


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


def _set_max_memory(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if not context.resilient_parsing:
        from embcomp.memory import set_max_memory

        set_max_memory(parse_size("--max-memory", value) if value else None)


max_memory_option = click.option(
    "--max-memory",
    metavar="SIZE",
    expose_value=False,
    callback=_set_max_memory,
    help="Refuse to hold more vectors than this, as in 200MB; default what is free.",
)
container_argument = click.argument("file", type=click.Path())
containers_argument = click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path())
suite_option = click.option(
    "--suite",
    "suites",
    type=Name(suite_names),
    multiple=True,
    metavar="NAME",
    help="Run this suite only (repeatable); default all.",
)
data_option = click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), metavar="DIR", help="A folder with further data sets."
)
oov_option = click.option(
    "--oov",
    type=click.Choice(["mean", "skip"]),
    default="mean",
    show_default=True,
    help="A missing word: the mean of all vectors, or leave its row out.",
)


def seed_option(what: str) -> Callable[[Function], Function]:
    """Add ``--seed``, 0 if absent, and say of what."""
    return click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help=f"Of {what} (default 0).")


def options(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Add several options with one decorator, in this order."""

    def add(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add


scoring_options = options(suite_option, data_option, oov_option, seed_option("bootstrap and k-means"))
"""Of commands that score embeddings."""


def _readable() -> list[str]:
    from embcomp.formats import readable_formats

    return readable_formats()


class SourceOption(click.Option):
    """An option about how a source is read; its name is that of a field of ``ReadOptions``."""

    section = "Reading a source"


source_option = partial(click.option, cls=SourceOption)
source_options = options(
    source_option(
        "--format",
        type=Name(_readable),
        metavar="NAME",
        help="Format of the source; found out from its content if not given.",
    ),
    source_option("--limit", type=click.IntRange(min=1), metavar="N", help="Read the first N rows only."),
    source_option(
        "--duplicates",
        type=click.Choice(["first", "error"]),
        default="first",
        show_default=True,
        help="A word seen before: keep the first and count the others, or refuse.",
    ),
    source_option(
        "--bad-rows",
        type=click.Choice(["error", "skip"]),
        default="error",
        show_default=True,
        help="A row of wrong length, not a number, NaN or infinite: refuse, or drop and count.",
    ),
    source_option(
        "--encoding-errors",
        type=click.Choice(["strict", "replace", "ignore"]),
        default="strict",
        show_default=True,
        help="A word that is not valid UTF-8: refuse, put U+FFFD for the bytes, or leave them out.",
    ),
    source_option(
        "--words",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Keep the words of this list only, one per line; - for stdin.",
    ),
    source_option(
        "--word-list",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The words of an .npy source that has none in it, one per line.",
    ),
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

    Args:
        given: arguments; those of reading are taken out.
        sources: what will be read with them.

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


def open_target(path: str, options: ReadOptions, progress: Progress) -> EncodedEmbedding | Embedding:
    """Open a container, or read an original file, whichever ``path`` is."""
    from embcomp.api import as_target

    target: EncodedEmbedding | Embedding = as_target(path, options, progress)
    return target


engine_option = click.option(
    "--on",
    "on",
    default="processes",
    show_default=True,
    metavar="ENGINE",
    help="Who works on a collection: processes of this machine, as many as cores or processes=N; dask for a local "
    "cluster, or dask=ADDRESS of a scheduler; serial for this process.",
)


def open_compressed(path: str | Path) -> EncodedEmbedding:
    """Open a container or a collection."""
    from embcomp.collection import is_collection
    from embcomp.container.reader import open_container

    if not is_collection(path):
        return open_container(path)
    from embcomp.collection.opened import open_collection

    return open_collection(str(path))


def described(path: str | Path) -> dict[str, Any]:
    """Return what a container or a collection holds: the document of ``embcomp info --json``."""
    from embcomp.collection import is_collection
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
    from embcomp.collection import is_collection
    from embcomp.container.reader import is_container

    context = click.get_current_context()
    if not is_container(file) and not is_collection(
        file
    ):  # known without the formats, whose import takes longer than opening
        with progress_bars(quiet=False) as progress:
            return open_target(str(file), read_options(given, [str(file)]), progress)
    for each in context.command.params:
        was_given = context.get_parameter_source(str(each.name)) is ParameterSource.COMMANDLINE
        if isinstance(each, SourceOption) and was_given:
            raise click.UsageError(f"{each.opts[0]} is about reading a source; {visible(str(file))} is compressed")
    return open_compressed(file)
