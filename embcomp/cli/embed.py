"""``embcomp embed``: vectors of texts."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, force_option, open_any, running_options, source_options
from embcomp.cli.results import Results, form_option, numbered
from embcomp.cli.words import given_words

if TYPE_CHECKING:
    from embcomp.arrays import FloatArray
    from embcomp.text import Weighting

BATCH_TEXTS = 1024


@click.command("embed", cls=Command)
@container_argument
@click.argument("texts", nargs=-1, required=True, metavar="TEXT…|-")
@click.option(
    "--weighting",
    type=click.Choice(["mean", "sif"]),
    help="All words count the same, or frequent ones less; default sif for words in their order, mean otherwise.",
)
@click.option(
    "--normalize/--no-normalize",
    default=None,
    help="Scale to unit length or not; as the sentence model does if neither is given, and not for words.",
)
@click.option("--npy", type=click.Path(), metavar="OUT.npy", help="Write a NumPy array of float32; - for stdout.")
@force_option
@running_options
@form_option
@source_options
def command(
    file: str,
    texts: tuple[str, ...],
    weighting: Weighting | None,
    normalize: bool | None,
    npy: str | None,
    force: bool,
    form: str | None,
    **given: Any,
) -> None:
    """Print the vector of each TEXT, one line each; with - the texts come from stdin, one per line.

    FILE is compressed or not. A text is split by its own tokenizer if it has one (a static sentence model), else into
    its words.
    """
    from embcomp.files import check_target
    from embcomp.text import TextEncoder

    if form and npy is not None:
        raise click.UsageError(f"--{form} and --npy exclude each other")
    if npy is not None and npy != "-":
        check_target(Path(npy), force=force, sources=[file])
    wanted = given_words(texts, file)
    encoder = TextEncoder(open_any(file, given))
    results = Results(form, _print_row, numbered)
    arrays: list[FloatArray] = []
    while batch := list(islice(wanted, BATCH_TEXTS)):
        vectors, counts = encoder.encode(batch, weighting=weighting, normalize=normalize)
        if npy is not None:
            arrays.append(vectors)
            continue
        for text, known, vector in zip(batch, counts.tolist(), vectors, strict=True):
            row = vector if form is None else [float(str(x)) for x in vector]
            results.add({"text": text, "known": known, "vector": row})
    if npy is not None:
        _write_npy(npy, arrays, encoder.dim, force=force)
    else:
        results.finish()


def _print_row(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{' '.join(map(str, document['vector']))}\n")


def _write_npy(target: str, arrays: list[FloatArray], dim: int, *, force: bool) -> None:
    import numpy as np

    from embcomp.files import writing

    matrix = np.concatenate([np.zeros((0, dim), dtype=np.float32), *arrays])
    with writing(target, force=force) as out:
        np.lib.format.write_array(out, matrix, allow_pickle=False)
