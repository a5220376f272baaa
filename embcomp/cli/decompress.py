"""``embcomp decompress``: write the decoded vectors in a format that other programs read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embcomp.cli.command import Command, Name, note
from embcomp.cli.common import container_argument, open_compressed, options, output_options, running_options
from embcomp.cli.progress import progress_bars
from embcomp.cli.text import visible
from embcomp.errors import ParameterError
from embcomp.files import check_target

if TYPE_CHECKING:
    from embcomp.arrays import FloatArray
    from embcomp.encoded import EncodedEmbedding
    from embcomp.progress import Progress


target_options = options(
    click.option("-o", "--output", type=click.Path(), required=True, metavar="OUT", help="File; - for stdout."),
    click.option(
        "--to",
        type=Name("embcomp.formats:writable_formats"),
        metavar="NAME",
        help="glove-text, word2vec-text, word2vec-binary, npy (with its words), gensim, safetensors, parquet, arrow, "
        "hdf5, finalfusion; by the suffix if absent: .txt, .vec, .bin, .npy, .kv, .safetensors, .parquet, .arrow, "
        ".h5, .fifu, before .gz, .bz2, .xz or .zst. static-model is a folder for model2vec and "
        "sentence-transformers: what a static sentence model becomes if OUT has no suffix.",
    ),
)


@click.command("decompress", cls=Command)
@container_argument
@target_options
@click.option(
    "--restore-mean",
    is_flag=True,
    help="Add the mean back: nearer to the source's vectors, but cosines are no longer those of the codes.",
)
@click.option(
    "--codes",
    is_flag=True,
    help="Write binary codes as bits instead of vectors: --to faiss, usearch, npy or parquet (or by the suffix), or "
    "SQL for pgvector, sqlite-vec or duckdb.",
)
@running_options
@output_options
def command(
    file: str, output: str, to: str | None, restore_mean: bool, codes: bool, force: bool, quiet: bool
) -> None:
    """Decode every vector of FILE and write them all, in the order of the source."""
    from embcomp.formats import format_of, write_embedding
    from embcomp.formats.static_model import STATIC_MODEL, write_model

    encoded = open_compressed(file)
    if restore_mean and encoded.compressor.offset is None:
        raise ParameterError(f"`restore_mean`: {encoded.compressor.name} stores no mean")
    if codes:
        n_bits = _write_codes(encoded, output, to, force=force, restore_mean=restore_mean)
        if output != "-":
            note(f"{visible(output)}: {len(encoded)} codes of {n_bits} bits", quiet=quiet)
        return
    if to is None and encoded.text is not None and output != "-" and not Path(output).suffix:
        to = STATIC_MODEL
    format = to or ("glove-text" if output == "-" else format_of(output)[0])
    if format == STATIC_MODEL:
        offset = encoded.compressor.offset if restore_mean else None
        n_rows = write_model(Path(output), encoded, offset, force=force)
        note(f"{visible(output)}: {n_rows} tokens of {encoded.dim} dimensions, {format}", quiet=quiet)
        return
    if output != "-":
        check_target(Path(output), force=force, sources=[file])
    with progress_bars(quiet=quiet) as progress:
        blocks = _blocks(encoded, restore_mean=restore_mean, progress=progress)
        write_embedding(output, format, blocks, len(encoded), encoded.dim, force=force)
    if output != "-":
        note(f"{visible(output)}: {len(encoded)} words of {encoded.dim} dimensions, {format}", quiet=quiet)


def _write_codes(encoded: EncodedEmbedding, output: str, to: str | None, *, force: bool, restore_mean: bool) -> int:
    from embcomp.databases import SUFFIXES, TARGETS, write_codes

    if restore_mean:
        raise click.UsageError("--restore-mean is for vectors, and --codes writes codes")
    to = to or SUFFIXES.get(Path(output).suffix)
    if to is None:
        raise click.UsageError(f"--codes needs --to, one of {', '.join(TARGETS)}")
    return write_codes(output, to, encoded, force=force)


def _blocks(
    encoded: EncodedEmbedding, *, restore_mean: bool, progress: Progress
) -> Iterator[tuple[list[str], FloatArray]]:
    offset = encoded.compressor.offset if restore_mean else None
    done = 0
    for words, vectors in encoded.blocks():
        yield words, vectors if offset is None else vectors + offset
        done += len(words)
        progress("decoding", done, len(encoded))
