"""``embcomp eval``: score embeddings, compressed or not, against each other and against a baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli import common
from embcomp.cli.command import Command, note
from embcomp.cli.progress import progress_bars
from embcomp.cli.results import form_option, print_all
from embcomp.cli.text import escaped

if TYPE_CHECKING:
    from embcomp.eval.score import Score


@click.command("eval", cls=Command)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…", type=click.Path())
@click.option(
    "--baseline", metavar="SOURCE", type=click.Path(), help="Also score this file and print the ratio to it."
)
@click.option(
    "--at-least",
    type=float,
    callback=common.share,
    metavar="R",
    help="Exit with 1 if a score is below R times the baseline's, naming each that is.",
)
@common.count_option("--restrict-vocab", default=30_000, help="Analogies look for answers among the first N words.")
@common.scoring_options
@common.running_options
@form_option
@common.quiet_option
@common.source_options
def command(
    targets: tuple[str, ...],
    baseline: str | None,
    at_least: float | None,
    restrict_vocab: int,
    form: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Score each TARGET, an .embc file or an original embedding file, on the suites.

    Word similarity (WS-353, SimLex-999) and analogies (Google) come with gensim; --data adds a folder of other sets.
    """
    if at_least is not None and baseline is None:
        raise click.UsageError("--at-least needs a --baseline to compare with")

    from embcomp.api import as_target
    from embcomp.eval.run import score
    from embcomp.eval.suite import Settings

    options = common.read_options(given, [*targets, *([baseline] if baseline else [])])
    with progress_bars(quiet=quiet) as progress:
        chosen, oov, seed = common.scoring(given, has_baseline=baseline is not None)
        original = as_target(baseline, options, progress) if baseline else None
        opened = ((Path(path).name, as_target(path, options, progress)) for path in targets)
        rows = score(opened, chosen, Settings(oov, seed, restrict_vocab, original, progress))
    if form is not None:
        print_all(form, [each.to_json() for each in rows])
    else:
        print_scores(rows, oov, seed)
    failed = [] if at_least is None else [each for each in rows if not each.reaches(at_least)]
    for each in failed:
        what = f"{each.target} {each.suite} {each.task} {each.metric}"
        ratio = "undefined" if each.ratio is None else f"{each.ratio:.3f}"
        note(f"embcomp: eval: {what}: ratio {ratio}, expected at least {at_least:g}")
    if failed:
        raise click.exceptions.Exit(1)


def print_scores(rows: list[Score], oov: str, seed: int) -> None:
    """Print a table; nothing in the names of files or data sets can move the cursor."""
    from embcomp.eval.report import text_report

    shown = [replace(row, target=escaped(row.target), task=escaped(row.task)) for row in rows]
    click.echo(text_report(shown, oov=oov, seed=seed), nl=False)
