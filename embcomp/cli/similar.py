"""``embcomp similar``: the nearest words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, json_option, max_memory_option, options
from embcomp.cli.text import escaped, print_json
from embcomp.cli.words import given_words, report_missing, words_argument

SIMILARITIES = ("hamming", "asymmetric", "decoded")


search_options = options(
    click.option("-k", "n_neighbours", type=click.IntRange(min=1), default=10, show_default=True, metavar="N"),
    click.option(
        "--similarity",
        type=click.Choice(SIMILARITIES),
        help="What is near: bits in common, query against bits, or cosine of decoded vectors; "
        "the method's default if absent (decoded; hamming for nlb).",
    ),
    click.option(
        "--restrict",
        type=click.IntRange(min=1),
        metavar="N",
        help="Look at the first N words of the source only.",
    ),
)
"""Of commands that look for nearest words."""


@click.command("similar", cls=Command)
@container_argument
@words_argument
@search_options
@click.option(
    "--missing",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="A word that is not there: name it and exit with 1 at the end, or leave it out.",
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
    """Print the words nearest to each WORD, with their similarity; with - words come from stdin, one per line.

    One line per neighbour: WORD, neighbour and similarity, separated by tabs. Control characters and backslashes in
    words are escaped.
    """
    from embcomp.keyed import open_vectors

    vectors = open_vectors(file, similarity=similarity)
    documents = []
    absent = []
    for word in given_words(words):
        if word not in vectors:
            absent.append(word)
            continue
        found = vectors.most_similar(word, topn=n_neighbours, restrict_vocab=restrict)
        if as_json:
            documents.append(document(word, found))
        else:
            print_neighbours(word, found)
    if as_json:
        print_json(documents)
    if absent and missing == "error":
        report_missing(vectors.encoded.vocabulary, absent)
        raise click.exceptions.Exit(1)


def document(query: str | list[str], found: list[tuple[str, float]]) -> dict[str, Any]:
    """What ``--json`` prints for one query."""
    return {"query": query, "neighbours": [{"word": word, "score": round(score, 6)} for word, score in found]}


def print_neighbours(query: str, found: list[tuple[str, float]]) -> None:
    """Print one line per neighbour."""
    for word, score in found:
        sys.stdout.write(f"{escaped(query)}\t{escaped(word)}\t{score:.6f}\n")
