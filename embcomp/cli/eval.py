"""``embcomp eval``: score embeddings, compressed or not, against each other and against a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command, note
from embcomp.cli.common import (
    data_option,
    json_option,
    oov_option,
    open_target,
    print_json,
    progress_bars,
    quiet_option,
    read_options,
    seed_option,
    source_options,
    suite_option,
    threads_option,
)
from embcomp.errors import ParameterError

if TYPE_CHECKING:
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding
    from embcomp.eval.report import Comparison
    from embcomp.eval.score import Score


@click.command("eval", cls=Command)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…", type=click.Path())
@suite_option
@data_option
@click.option(
    "--baseline", metavar="SOURCE", type=click.Path(), help="Also score this file and print the ratio to it."
)
@click.option(
    "--at-least",
    type=float,
    metavar="R",
    help="Exit with 1 if a score is below R times the baseline's, naming each that is.",
)
@click.option(
    "--restrict-vocab",
    type=click.IntRange(min=1),
    default=30_000,
    show_default=True,
    metavar="N",
    help="Analogies look for answers among the first N words.",
)
@oov_option
@seed_option("bootstrap and k-means")
@threads_option
@json_option
@quiet_option
@source_options
def command(
    targets: tuple[str, ...],
    suites: tuple[str, ...],
    data: Path | None,
    baseline: str | None,
    at_least: float | None,
    restrict_vocab: int,
    oov: Any,
    seed: int,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Score each TARGET, an .embc file or an original embedding file, on the suites.

    Word similarity (WS-353, SimLex-999) and analogies (Google) come with gensim; --data adds a folder of other sets.
    """
    if at_least is not None and baseline is None:
        raise click.UsageError("--at-least needs a --baseline to compare with")
    if at_least is not None and not at_least > 0:
        raise ParameterError(f"--at-least must be a number above 0, got {at_least:g}")

    from embcomp.eval.report import compare, failing, text_report
    from embcomp.eval.run import evaluate

    options = read_options(given)
    with progress_bars(quiet=quiet) as progress:
        original = open_target(baseline, options, progress) if baseline else None

        def scores_of(path: str, target: EncodedEmbedding | Embedding) -> list[Score]:
            name = Path(path).name
            return evaluate(
                target,
                name,
                suites or None,
                data,
                oov,
                seed,
                progress,
                baseline=original,
                restrict_vocab=restrict_vocab,
            )

        base = scores_of(baseline, original) if baseline and original else []
        scores = [score for path in targets for score in scores_of(path, open_target(path, options, progress))]
    comparisons = compare(scores, base)
    if as_json:
        print_json([_document(row) if baseline else row.score.to_json() for row in comparisons])
    else:
        click.echo(text_report(scores, base, oov=oov, seed=seed), nl=False)
    if at_least is not None and not _gate(failing(comparisons, at_least), at_least):
        raise click.exceptions.Exit(1)


def _gate(failed: list[Comparison], at_least: float) -> bool:
    """Name the rows that fail; return whether there are none."""
    for row in failed:
        what = f"{row.score.target} {row.score.suite} {row.score.task} {row.score.metric}"
        ratio = "undefined" if row.ratio is None else f"{row.ratio:.3f}"
        note(f"embcomp: eval: {what}: ratio {ratio}, expected at least {at_least:g}")
    return not failed


def _document(row: Comparison) -> dict[str, Any]:
    baseline = None if row.baseline is None else row.baseline.value
    return row.score.to_json() | {"baseline": baseline, "ratio": row.ratio, "p_value": row.p_value}
