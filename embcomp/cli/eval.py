"""``embcomp eval``: score embeddings, compressed or not, against each other and against a baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from embcomp.checks import require_share
from embcomp.cli.command import Command, note
from embcomp.cli.common import (
    max_memory_option,
    open_target,
    quiet_option,
    read_options,
    scoring_options,
    source_options,
    threads_option,
)
from embcomp.cli.progress import progress_bars
from embcomp.cli.results import form_option, print_all
from embcomp.cli.text import escaped


@click.command("eval", cls=Command)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…", type=click.Path())
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
@scoring_options
@threads_option
@max_memory_option
@form_option
@quiet_option
@source_options
def command(
    targets: tuple[str, ...],
    suites: tuple[str, ...],
    data_dir: Path | None,
    baseline: str | None,
    at_least: float | None,
    restrict_vocab: int,
    oov: Any,
    seed: int,
    form: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Score each TARGET, an .embc file or an original embedding file, on the suites.

    Word similarity (WS-353, SimLex-999) and analogies (Google) come with gensim; --data adds a folder of other sets.
    """
    if at_least is not None and baseline is None:
        raise click.UsageError("--at-least needs a --baseline to compare with")
    if at_least is not None:
        require_share("at_least", at_least)

    from embcomp.eval.report import text_report
    from embcomp.eval.run import choose, measure
    from embcomp.eval.score import beside
    from embcomp.eval.suite import Settings

    options = read_options(given, [*targets, *([baseline] if baseline else [])])
    with progress_bars(quiet=quiet) as progress:
        chosen = choose(suites or None, data_dir, has_baseline=baseline is not None)
        original = open_target(baseline, options, progress) if baseline else None
        settings = Settings(oov, seed, restrict_vocab, original, progress)
        base = measure(original, Path(baseline).name, chosen, settings) if baseline and original else []
        scores = [
            score
            for path in targets
            for score in measure(open_target(path, options, progress), Path(path).name, chosen, settings)
        ]
    rows = beside(scores, base)
    if form is not None:
        print_all(form, [score.to_json() for score in rows])
    else:
        rows = [replace(row, target=escaped(row.target), task=escaped(row.task)) for row in rows]
        click.echo(text_report(rows, oov=oov, seed=seed, with_baseline=original is not None), nl=False)
    failed = [] if at_least is None else [score for score in rows if not score.reaches(at_least)]
    for score in failed:
        what = f"{score.target} {score.suite} {score.task} {score.metric}"
        ratio = "undefined" if score.ratio is None else f"{score.ratio:.3f}"
        note(f"embcomp: eval: {what}: ratio {ratio}, expected at least {at_least:g}")
    if failed:
        raise click.exceptions.Exit(1)
