"""``embcomp analogy``: A is to B as C is to what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, json_option, max_memory_option
from embcomp.cli.similar import document, print_neighbours, search_options
from embcomp.cli.text import print_json
from embcomp.cli.words import STDIN, lines_of_stdin, report_missing

if TYPE_CHECKING:
    from embcomp.keyed import CompressedVectors


@click.command("analogy", cls=Command)
@container_argument
@click.argument("words", nargs=-1, required=True, metavar="A B C|-")
@search_options
@click.option(
    "--missing",
    type=click.Choice(["error", "skip", "zero", "mean"]),
    default="error",
    show_default=True,
    help="A word that is not there: name it and exit with 1 at the end, or leave the analogy out, or take zeros or "
    "the mean of all vectors for it.",
)
@max_memory_option
@json_option
def command(
    file: Path,
    words: tuple[str, ...],
    n_neighbours: int,
    similarity: Any,
    restrict: int | None,
    missing: str,
    as_json: bool,
) -> None:
    """Print the words nearest to B - A + C, such as queen for man king woman (3CosAdd).

    With - analogies come from stdin, one per line: three words separated by tabs, or else by spaces.
    One line per neighbour: the analogy, neighbour and similarity, separated by tabs. Control characters and
    backslashes in words are escaped.
    """
    from embcomp.keyed import open_vectors

    vectors = open_vectors(file, similarity=similarity)
    documents = []
    absent: list[str] = []
    for triple in _triples(words):
        gone = [word for word in triple if word not in vectors]
        if gone and missing in ("error", "skip"):
            absent += gone
            continue
        a, b, c = (_key(vectors, word, missing) for word in triple)
        found = vectors.most_similar([b, c], [a], topn=n_neighbours, restrict_vocab=restrict)
        if as_json:
            documents.append(document(triple, found))
        else:
            print_neighbours(" ".join(triple), found)
    if as_json:
        print_json(documents)
    if absent and missing == "error":
        report_missing(vectors.encoded.vocabulary, dict.fromkeys(absent))
        raise click.exceptions.Exit(1)


def _triples(words: tuple[str, ...]) -> Iterator[list[str]]:
    if words != STDIN:
        if len(words) != 3:
            raise click.UsageError(f"expected three words A B C, or - for stdin, got {len(words)}")
        yield list(words)
        return
    for number, line in enumerate(lines_of_stdin(), start=1):
        triple = line.split("\t") if "\t" in line else line.split()
        if len(triple) != 3:
            raise click.UsageError(f"stdin:{number}: expected three words, got {len(triple)}")
        yield triple


def _key(vectors: CompressedVectors, word: str, missing: str) -> Any:
    """The word, or the vector that stands for it."""
    if word in vectors:
        return word
    if missing == "mean":
        return vectors.encoded.mean_vector()
    import numpy as np

    return np.zeros(vectors.vector_size, dtype=np.float32)
