"""``embcomp analogy``: A is to B as C is to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, word_option
from embcomp.cli.results import Results
from embcomp.cli.similar import document, neighbour_rows, print_neighbours, search_options, searching
from embcomp.cli.words import STDIN, given_words, report_missing

if TYPE_CHECKING:
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding


@click.command("analogy", cls=Command)
@container_argument
@click.argument("terms", nargs=-1, required=True, metavar="A B C|-")
@word_option(
    "--missing",
    ["error", "skip", "zero", "mean"],
    "A word that is not there: name it and exit with 1 at the end, or leave the analogy out, or take zeros or "
    "the mean of all vectors for it.",
)
@search_options
def command(file: str, terms: tuple[str, ...], missing: str, form: str | None, **given: Any) -> None:
    """Print the words nearest to B - A + C, such as queen for man king woman (3CosAdd).

    FILE is compressed or not. With - analogies come from stdin, one per line: three words separated by tabs, or else
    by spaces. One line per neighbour: the analogy, neighbour and similarity, separated by tabs. Control characters
    and backslashes in words are escaped.
    """
    triples = _triples(terms, given_words(terms, file))
    target, vectors, most_similar = searching(file, given)
    results = Results(form, print_neighbours, neighbour_rows)
    absent: list[str] = []
    for triple in triples:
        gone = [word for word in triple if word not in vectors]
        if gone and missing in ("error", "skip"):
            absent += gone
            continue
        a, b, c = (_instead(target, missing) if word in gone else word for word in triple)
        results.add(document(triple, most_similar([b, c], [a])))
    results.finish()
    if absent and missing == "error":
        report_missing(target, dict.fromkeys(absent))
        raise click.exceptions.Exit(1)


def _triples(words: tuple[str, ...], lines: Iterable[str]) -> Iterator[list[str]]:
    if words != STDIN:
        if len(words) != 3:
            raise click.UsageError(f"expected three words A B C, or - for stdin, got {len(words)}")
        yield list(words)
        return
    for number, line in enumerate(lines, start=1):
        triple = line.split("\t") if "\t" in line else line.split()
        if len(triple) != 3:
            raise click.UsageError(f"stdin:{number}: expected three words, got {len(triple)}")
        yield triple


def _instead(target: EncodedEmbedding | Embedding, missing: str) -> Any:
    """The vector that stands for a word that is not there."""
    if missing == "mean":
        return target.mean_vector()
    import numpy as np

    return np.zeros(target.dim, dtype=np.float32)
