"""``embcomp compress --keep`` and ``--estimate``: what they print, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import click

from embcomp.checks import size_text
from embcomp.cli.command import note
from embcomp.cli.common import options, share, suite_options
from embcomp.cli.method_options import NAMED
from embcomp.cli.results import print_all
from embcomp.cli.text import escaped

if TYPE_CHECKING:
    from embcomp.compressors.base import Compressor
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding
    from embcomp.keep.estimate import Estimate
    from embcomp.progress import Progress

keep_options = options(
    click.option(
        "--keep",
        type=float,
        callback=share,
        metavar="R",
        help="Find the smallest file that surely (95 %) keeps this share of the source's scores, as in 0.97; exit "
        "with 1 if there is none. Tries transform, additive and sign, or the --method named, at any number of bits.",
    ),
    suite_options,
    click.option(
        "--estimate", is_flag=True, help="Print the size, time and memory to expect, from a sample; write nothing."
    ),
)


def smallest(
    read: Callable[[], Embedding],
    least: float,
    options: dict[str, Any],
    seed: int,
    given: dict[str, Any],
    progress: Progress,
    *,
    drop_order: bool,
) -> EncodedEmbedding:
    """Find the smallest file for what is ``read``; exit with 1, saying what came nearest, if there is none."""
    from embcomp.eval.run import choose
    from embcomp.keep.search import METHODS, Search

    context, suites = click.get_current_context(), given["suites"]
    chosen = choose(suites or None, given["data_dir"], has_baseline=True)
    search = Search(
        read(), chosen, least, seed=seed, drop_order=drop_order, only_covered=not suites, progress=progress
    )
    found = search.run([context.params["method"]] if context.meta[NAMED] else METHODS, options)
    if found.encoded is not None:
        return found.encoded
    best = max(found.trials, key=lambda trial: trial.low)
    bits = "" if best.width is None else f" at {best.width} bits"
    note(
        f"embcomp: compress: nothing keeps {least:g} of the source's scores: the lower bound of "
        f"{best.compressor.name}{bits} is {best.low:.3f}, the best of {len(found.trials)} tried"
    )
    raise click.exceptions.Exit(1)


def found_estimate(encoded: EncodedEmbedding, seconds: float) -> Estimate:
    """What was found as an estimate: its size is exact, since only writing is left."""
    from embcomp.container.writer import write
    from embcomp.keep.estimate import Estimate, memory_bytes

    buffer = BytesIO()
    write(encoded, buffer)
    return Estimate(len(encoded), buffer.tell(), round(seconds, 1), memory_bytes(len(encoded), encoded.dim))


def print_estimate(compressor: Compressor, expected: Estimate, form: str | None) -> None:
    """Print what to expect."""
    from embcomp.comparison.workbench import label

    method = {"method": compressor.name, "config": compressor.get_config()}
    if form is not None:
        print_all(form, [method | expected.to_json()], "estimate-1")
        return
    name = label(compressor.name, compressor.get_config())
    click.echo(
        f"{name}: about {size_text(expected.file_bytes)} for {expected.rows} words, "
        f"{expected.seconds:g} s, {size_text(expected.memory_bytes)} of memory"
    )


def kept_lines(evidence: dict[str, Any] | None) -> list[str]:
    """What ``--keep`` measured, from a file's report; nothing if that did not make the file."""
    return [
        f"keeps {each['share']:.3f} of {escaped(each['suite'])} ({each['metric']} {each['value']:.1f} of "
        f"{each['source']:.1f}, {escaped(each['task'])}), with 95 % confidence at least {each['low']:.3f}"
        for each in (evidence or {}).get("suites", [])
    ]
