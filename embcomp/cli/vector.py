"""``embcomp vector``: vectors of words, as text."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, max_memory_option, open_any, source_options, word_option
from embcomp.cli.results import Results, form_option, numbered
from embcomp.cli.text import escaped
from embcomp.cli.words import given_words, report_missing, words_argument

if TYPE_CHECKING:
    from embcomp.arrays import FloatArray
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding

BATCH_WORDS = 4096


@click.command("vector", cls=Command)
@container_argument
@words_argument
@word_option(
    "--missing",
    ["error", "skip", "zero", "mean"],
    "A word that is not there: name it and exit with 1 at the end, or leave it out, or print zeros or the mean.",
)
@max_memory_option
@form_option
@source_options
def command(file: str, terms: tuple[str, ...], missing: str, form: str | None, **given: Any) -> None:
    """Print the vectors of WORDs in FILE, one line each; with - the words come from stdin, one per line.

    FILE is compressed or not.
    """
    wanted = given_words(terms, file)
    target = open_any(file, given)
    results = Results(form, _print_row, numbered)
    all_found = True
    while batch := list(islice(wanted, BATCH_WORDS)):
        found, vectors, complete = _look_up(target, batch, missing)
        all_found = all_found and complete
        for word, vector in zip(found, vectors, strict=True):
            results.add({"word": word, "vector": vector if form is None else [float(str(x)) for x in vector]})
    results.finish()
    if not all_found:
        raise click.exceptions.Exit(1)


def _look_up(
    target: EncodedEmbedding | Embedding, words: list[str], missing: str
) -> tuple[list[str], FloatArray, bool]:
    """Return the words to print, their vectors, and whether none had to be reported as missing."""
    import numpy as np

    rows = target.rows(words)
    absent = rows < 0
    if missing in ("error", "skip"):
        if missing == "error":
            report_missing(target, [words[index] for index in np.flatnonzero(absent)])
        kept = [word for word, gone in zip(words, absent, strict=True) if not gone]
        return kept, target.decode_rows(rows[~absent]), missing == "skip" or not absent.any()
    vectors = np.zeros((len(words), target.dim), dtype=np.float32)
    vectors[~absent] = target.decode_rows(rows[~absent])
    if missing == "mean" and absent.any():
        vectors[absent] = target.mean_vector()
    return words, vectors, True


def _print_row(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{escaped(document['word'])} {' '.join(map(str, document['vector']))}\n")
