"""``embcomp vector``: vectors of words, as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, json_option, max_memory_option
from embcomp.cli.text import escaped, print_json
from embcomp.cli.words import given_words, report_missing, words_argument

if TYPE_CHECKING:
    from embcomp.arrays import FloatArray
    from embcomp.encoded import EncodedEmbedding

BATCH_WORDS = 4096


@click.command("vector", cls=Command)
@container_argument
@words_argument
@click.option(
    "--missing",
    type=click.Choice(["error", "skip", "zero", "mean"]),
    default="error",
    show_default=True,
    help="A word that is not there: name it and exit with 1 at the end, or leave it out, or print zeros or the mean.",
)
@max_memory_option
@json_option
def command(file: Path, words: tuple[str, ...], missing: str, as_json: bool) -> None:
    """Print the vectors of WORDs stored in FILE, one line each; with - the words come from stdin, one per line."""
    from embcomp.container.reader import open_container

    encoded = open_container(file)
    wanted = given_words(words)
    documents = []
    all_found = True
    while batch := list(islice(wanted, BATCH_WORDS)):
        found, vectors, complete = _look_up(encoded, batch, missing)
        all_found = all_found and complete
        if as_json:
            documents += [
                {"word": word, "vector": [float(str(x)) for x in vector]}
                for word, vector in zip(found, vectors, strict=True)
            ]
        else:
            _print_rows(found, vectors)
    if as_json:
        print_json(documents)
    if not all_found:
        raise click.exceptions.Exit(1)


def _look_up(encoded: EncodedEmbedding, words: list[str], missing: str) -> tuple[list[str], FloatArray, bool]:
    """Return the words to print, their vectors, and whether none had to be reported as missing."""
    import numpy as np

    rows = encoded.rows(words)
    absent = rows < 0
    if missing in ("error", "skip"):
        if missing == "error":
            report_missing(encoded.vocabulary, [words[index] for index in np.flatnonzero(absent)])
        kept = [word for word, gone in zip(words, absent, strict=True) if not gone]
        return kept, encoded.decode_rows(rows[~absent]), missing == "skip" or not absent.any()
    vectors = np.zeros((len(words), encoded.dim), dtype=np.float32)
    vectors[~absent] = encoded.decode_rows(rows[~absent])
    if missing == "mean" and absent.any():
        vectors[absent] = encoded.mean_vector()
    return words, vectors, True


def _print_rows(words: Iterable[str], vectors: FloatArray) -> None:
    write = sys.stdout.write
    for word, vector in zip(words, vectors, strict=True):
        write(f"{escaped(word)} {' '.join(map(str, vector))}\n")
