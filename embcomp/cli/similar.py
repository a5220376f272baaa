"""``embcomp similar``: the nearest words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli import common
from embcomp.cli.command import Command
from embcomp.cli.results import Results, form_option
from embcomp.cli.text import escaped
from embcomp.cli.words import given_words, report_missing, words_argument
from embcomp.errors import ParameterError

if TYPE_CHECKING:
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding
    from embcomp.keyed import CompressedVectors, PlainVectors

SIMILARITIES = ("hamming", "asymmetric", "decoded")


neighbours_option = common.count_option("-k", "n_neighbours", default=10, help="Neighbours of each word.")
search_options = common.options(
    neighbours_option,
    click.option(
        "--similarity",
        type=click.Choice(SIMILARITIES),
        help="What is near: bits in common, query against bits, or cosine of decoded vectors; "
        "the method's default if absent (decoded; hamming for nlb).",
    ),
    common.count_option("--restrict", help="Look at the first N words of the source only."),
    common.max_memory_option,
    form_option,
    common.source_options,
)
"""Of commands that look for nearest words."""


@click.command("similar", cls=Command)
@common.container_argument
@words_argument
@common.word_option(
    "--missing",
    ["error", "skip"],
    "A word that is not there: name it and exit with 1 at the end, or leave it out.",
)
@search_options
def command(file: str, terms: tuple[str, ...], missing: str, form: str | None, **given: Any) -> None:
    """Print the words nearest to each WORD, with their similarity; with - words come from stdin, one per line.

    FILE is compressed or not. One line per neighbour: WORD, neighbour and similarity, separated by tabs. Control
    characters and backslashes in words are escaped.
    """
    wanted = given_words(terms, file)
    target, vectors, most_similar = searching(file, given)
    results = Results(form, print_neighbours, neighbour_rows)
    absent = []
    for word in wanted:
        if word not in vectors:
            absent.append(word)
            continue
        results.add(document(word, most_similar([word])))
    results.finish()
    if absent and missing == "error":
        report_missing(target, absent)
        raise click.exceptions.Exit(1)


def searching(
    file: str, given: dict[str, Any]
) -> tuple[EncodedEmbedding | Embedding, CompressedVectors | PlainVectors, Callable[..., list[tuple[str, float]]]]:
    """Open a file; return it, its vectors, and their ``most_similar`` with the values of :data:`search_options`."""
    topn, similarity, restrict = (given.pop(name) for name in ("n_neighbours", "similarity", "restrict"))
    target = common.open_any(file, given)
    vectors = searched(target, similarity)
    return target, vectors, partial(vectors.most_similar, topn=topn, restrict_vocab=restrict)


def searched(target: EncodedEmbedding | Embedding, similarity: Any) -> CompressedVectors | PlainVectors:
    """Vectors to be searched, compressed or not.

    Raises:
        ParameterError: they do not have such a similarity.
    """
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding
    from embcomp.keyed import CompressedVectors, PlainVectors

    if type(target) is EncodedEmbedding:
        return CompressedVectors(target, similarity=similarity)
    if not isinstance(target, Embedding):
        from embcomp.collection.vectors import vectors_of

        return vectors_of(target, similarity)
    if similarity not in (None, "decoded"):
        raise ParameterError(
            f"`similarity` must be 'decoded' for vectors that are not compressed, got {similarity!r}"
        )
    return PlainVectors(target)


def document(query: str | list[str], found: list[tuple[str, float]]) -> dict[str, Any]:
    """What ``--json`` prints for one query."""
    return {"query": query, "neighbours": [{"word": word, "score": round(score, 6)} for word, score in found]}


def print_neighbours(result: dict[str, Any]) -> None:
    """Print one line per neighbour."""
    for row in neighbour_rows(result):
        sys.stdout.write(f"{escaped(row['query'])}\t{escaped(row['word'])}\t{row['score']:.6f}\n")


def neighbour_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row per neighbour; the three words of an analogy are one text."""
    query = result["query"] if isinstance(result["query"], str) else " ".join(result["query"])
    for each in result["neighbours"]:
        yield {"query": query} | each
