"""``embcomp compress``: read, fit, encode, write."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.checks import size_text
from embcomp.cli import common
from embcomp.cli.command import note
from embcomp.cli.keeping import found_estimate, keep_options, kept_lines, print_estimate, smallest
from embcomp.cli.method_options import (
    NAMED,
    MethodCommand,
    approve_fit,
    chosen_compressor,
    fitting_options,
    yes_option,
)
from embcomp.cli.progress import progress_bars
from embcomp.cli.results import json_option, print_all
from embcomp.cli.text import visible
from embcomp.collection import is_collection
from embcomp.files import check_target

if TYPE_CHECKING:
    from embcomp.compressors.base import Compressor
    from embcomp.encoded import EncodedEmbedding

LARGE_STATE = 0.5  # of the file
SMALLEST = "sign"  # the method that learns least
TEXT_SUFFIXES = (".txt", ".vec", ".bin", ".npy", ".kv", ".model")
TABLE_SUFFIXES = (".safetensors", ".parquet", ".arrow", ".feather", ".h5", ".hdf5")


def default_target(source: str) -> Path:
    """The source's name with ``.embc`` for its suffixes, beside the source."""
    if source == "-":
        raise click.UsageError("give the output file with -o when the source is standard input")
    from embcomp.formats.compression import split_compression
    from embcomp.formats.remote import base_name, is_remote

    path = Path(base_name(source) if is_remote(source) else source)
    if any(character in source for character in "*?["):
        raise click.UsageError("give the output file with -o when the source is a pattern")
    plain = path.with_name(split_compression(path.name)[0])
    known = plain.suffix.lower() in TEXT_SUFFIXES + TABLE_SUFFIXES
    return plain.with_name((plain.stem if known else plain.name) + ".embc")


@click.command("compress", cls=MethodCommand)
@click.argument("source", metavar="SOURCE", type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="OUT.embc",
    help="Output file, - for stdout; SOURCE's name with .embc if absent. NAME.embcs is a collection of many files.",
)
@fitting_options
@common.threads_option
@click.option(
    "--max-memory",
    type=common.Size(),
    metavar="SIZE",
    help="Memory for vectors, words and codes, as in 200MB; default half of what is free. Methods that learn from "
    "the first rows, or from some of all, hold those only, and may read the source twice; the others need all rows, "
    "and refuse a source that has too many. Words and codes wait in temporary files (TMPDIR) beyond that.",
)
@common.count_option("--shards", most=2**16, help="Files of a collection, NAME.embcs.")
@common.count_option("--pieces", help="Parts of one text file, for a collection.")
@common.engine_option
@keep_options
@click.option(
    "--drop-order",
    is_flag=True,
    help="Leave out the order of the source, 2-3 bytes per word; graded codes keep words in bands of frequency.",
)
@yes_option
@click.option("-v", "--verbose", is_flag=True, help="Print the loss of every round on stderr.")
@common.generation_option
@common.quiet_option
@json_option
@common.source_options
def command(
    source: str,
    output: str | None,
    method: str,
    max_memory: int | None,
    keep: float | None,
    estimate: bool,
    drop_order: bool,
    shards: int | None,
    pieces: int | None,
    on: str | None,
    yes: bool,
    verbose: bool,
    force: bool,
    quiet: bool,
    form: str | None,
    seed: int | None = None,  # methods without randomness have no --seed
    **given: Any,
) -> None:
    """Compress SOURCE, an embedding file (- for stdin) or a static sentence model, into one .embc file."""
    chosen, compressor = chosen_compressor(method, seed, given)
    if keep is None:
        common.refuse_given(("suites", "data_dir"), "says what to --keep a share of")
    elif chosen and not click.get_current_context().meta[NAMED]:
        raise click.UsageError("--keep chooses the options, unless a --method is named")
    approve = partial(approve_fit, method, yes=yes, quiet=quiet)
    if output is not None and is_collection(output):
        common.refuse_given(("keep", "estimate", "drop_order"), "is for one file, not for a collection")
        settings = {"n_shards": shards, "n_pieces": pieces or 1, "force": force, "max_memory": max_memory}
        _to_collection(source, output, compressor, on, form, given, quiet=quiet, approve=approve, **settings)
        return
    common.refuse_given(("on", "shards", "pieces"), common.NOT_A_COLLECTION)
    if output == "-" and not estimate and sys.stdout.isatty():
        raise click.UsageError("an .embc file for a terminal; give -o FILE, or a pipe")
    target = Path("-") if estimate else Path(output or default_target(source))
    if str(target) != "-":
        check_target(target, force=force, sources=[source, *common.lists_in(given)])
    elif form and not estimate:
        raise click.UsageError("--json and -o - both want stdout; give a file with -o")
    options = common.read_options(given, [source])

    from embcomp.container.description import describe
    from embcomp.container.writer import save
    from embcomp.keep.estimate import estimate as estimate_source
    from embcomp.keep.search import read_source
    from embcomp.pipeline import encode_source

    in_parts = compressor.head_rows is not None or compressor.samples_rows
    if keep is None and max_memory is not None and not in_parts:
        note(f"embcomp: {method}: needs all rows in memory at once, and stops if they take more", quiet=quiet)
    start = time.perf_counter()
    with progress_bars(quiet=quiet) as progress:
        if keep is not None:
            read = partial(read_source, source, options, progress, max_memory)
            encoded = smallest(read, keep, chosen, seed or 0, given, progress, drop_order=drop_order)
        elif estimate:
            print_estimate(compressor, estimate_source(source, compressor, options, progress), form)
            return
        else:
            encoded = encode_source(
                source, compressor, options, progress, max_memory, drop_order=drop_order, approve=approve
            )
    if estimate:
        print_estimate(encoded.compressor, found_estimate(encoded, time.perf_counter() - start), form)
        return
    save(encoded, target, force=force)
    _report(encoded, verbose=verbose)
    if str(target) == "-":
        return
    _report_result(str(target), form, _summary(target, describe(target)), quiet=quiet)


def _to_collection(
    source: str, output: str, compressor: Compressor, on: str | None, form: str | None, given: Any, **settings: Any
) -> None:
    from embcomp.collection.making import compress

    reading, engine, quiet = common.read_options(given, [source]), common.chosen_engine(on), settings.pop("quiet")
    with progress_bars(quiet=quiet) as progress:
        manifest = compress([source], output, compressor, reading, engine, progress=progress, **settings)
    what = f"{manifest.rows} words of {manifest.dim} dimensions in {len(manifest.files)} files, {manifest.method}"
    _report_result(output, form, f"{visible(output)}: {what}, generation {manifest.generation}", quiet=quiet)


def _report_result(path: str, form: str | None, text: str, *, quiet: bool) -> None:
    if form is not None:
        print_all(form, [{"file": path} | common.described(path)], "info-1")
    note(text, quiet=quiet)


def _report(encoded: EncodedEmbedding, *, verbose: bool) -> None:
    """Say what the fit found."""
    for number, loss in enumerate(encoded.report.get("losses", []) if verbose else [], start=1):
        note(f"round {number}: loss {loss:.6f}")
    for warning in encoded.report.get("warnings", []):
        note(f"embcomp: {encoded.compressor.name}: warning: {warning}")


def _on_state(document: dict[str, Any]) -> list[str]:
    """What to do if the file is larger than its source, or most of it is what the method learned."""
    from embcomp.compressors.registry import compressor_class

    sizes, larger = document["bytes"], document["ratio"]["file"] < 1
    share = sizes["state"] / sizes["file"]
    if not larger and (share <= LARGE_STATE or not sizes["codes"]):
        return []
    kind = compressor_class(document["method"])
    what = f"{100 * share:.0f} % of it is what {kind.name} learned, whatever the number of words"
    start = "warning: the file is larger than the words and their float32 vectors: " if larger else ""
    found = [option for role in ("width", "symbols", "ways") if (option := kind.option_for(role))]
    advice = [f"lower {' or '.join(f'`{option.name}`' for option in found)}"] if found else []
    advice += [f"use `method` {SMALLEST}"] if kind.name != SMALLEST else []
    if not advice and not larger:
        return []
    return [f"{start}{what}; for few words, {' or '.join(advice) or 'do not compress them'}"]


def _summary(target: Path, document: dict[str, Any]) -> str:
    source, sizes, ratio = document["source"], document["bytes"], document["ratio"]
    lines = [
        f"{visible(str(target))}: {document['rows']} words of {document['dim']} dimensions, {document['method']} "
        f"at {document['bits_per_vector']} bits per word, {size_text(sizes['file'])}",
        _times(ratio["vectors"], ratio["file"]),
        *_on_state(document),
    ]
    rounds, most = document["report"].get("rounds"), document["config"].get("iterations")
    if rounds is not None and rounds != most:
        lines.append(f"stopped after {rounds} of {most} rounds: the loss had stopped falling")
    if "ordered" in document["report"]:
        lines.append(_grading(document["bands"], ordered=document["report"]["ordered"]))
    lines += kept_lines(document["report"].get("kept"))
    return "\n".join([*lines, *common.notes_on(source)])


def _times(vectors: float, file: float) -> str:
    if min(vectors, file) >= 1:
        return f"smaller by {vectors:.1f} × (vectors only), {file:.1f} × (whole file)"
    return f"not smaller: {vectors:.2g} × (vectors only), {file:.2g} × (whole file)"


def _grading(bands: list[dict[str, int]], *, ordered: bool) -> str:
    """Whether words are in order of frequency, and what bits they have."""
    found = "words are in order of frequency" if ordered else "words are not in order of frequency"
    if len(bands) == 1:
        return f"{found}: the same bits for each"
    return f"{found}: from {bands[0]['bits']} bits for the first to {bands[-1]['bits']} for the last"
