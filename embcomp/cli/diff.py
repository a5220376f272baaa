"""``embcomp diff``: two embeddings beside each other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
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

if TYPE_CHECKING:
    from embcomp.eval.difference import Difference
    from embcomp.eval.score import Score

N_NAMED = 10  # words that are listed of those that one file lacks


@click.command("diff", cls=Command)
@click.argument("first", metavar="A", type=click.Path())
@click.argument("second", metavar="B", type=click.Path())
@click.option("-k", "n_neighbours", type=click.IntRange(min=1), default=10, show_default=True, metavar="N")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    metavar="N",
    help="Compare the neighbours of the first N words that both have.",
)
@click.option(
    "--restrict",
    type=click.IntRange(min=1),
    default=30_000,
    show_default=True,
    metavar="N",
    help="Neighbours, and answers to analogies, are among the first N words.",
)
@click.option(
    "-n", "n_shown", type=click.IntRange(min=0), default=10, show_default=True, metavar="N", help="Words shown."
)
@scoring_options
@threads_option
@max_memory_option
@form_option
@quiet_option
@source_options
def command(
    first: str,
    second: str,
    n_neighbours: int,
    sample: int,
    restrict: int,
    n_shown: int,
    suites: tuple[str, ...],
    data_dir: Path | None,
    oov: Any,
    seed: int,
    form: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Compare A and B, .embc files or original embedding files: words, neighbours that changed most, and scores.

    Scores are those of B, beside A's as the baseline. Tables and JSON lines have the neighbours only.
    """
    from embcomp.eval.difference import difference
    from embcomp.eval.run import choose, measure
    from embcomp.eval.score import beside
    from embcomp.eval.suite import Settings

    options = read_options(given, [first, second])
    with progress_bars(quiet=quiet) as progress:
        chosen = choose(suites or None, data_dir, has_baseline=True)
        old, new = (open_target(path, options, progress) for path in (first, second))
        found = difference(old, new, n_words=sample, n_neighbours=n_neighbours, restrict=restrict, progress=progress)
        settings = Settings(oov, seed, restrict, old, progress)
        base, scores = (
            measure(target, Path(path).name, chosen, settings) for target, path in ((old, first), (new, second))
        )
    rows = beside(scores, base)
    if form is not None:
        print_all(form, map(asdict, found.changed[:n_shown]), **_about(found, rows))
    else:
        _print_words(found, first, second)
        _print_neighbours(found, n_neighbours, n_shown, first, second)
        _print_scores(rows, oov, seed)


def _about(found: Difference, rows: list[Score]) -> dict[str, Any]:
    return {
        "words": {"both": found.n_common, "only_first": found.gone, "only_second": found.added},
        "neighbours": {"words": len(found.changed), "mean_shared": found.mean_shared},
        "scores": [score.to_json() for score in rows],
    }


def _print_words(found: Difference, first: str, second: str) -> None:
    click.echo(f"words in both: {found.n_common}")
    for name, words in ((first, found.gone), (second, found.added)):
        named = " ".join(map(escaped, words[:N_NAMED]))
        more = " …" if len(words) > N_NAMED else ""
        click.echo(f"only in {escaped(name)}: {len(words)}{': ' if words else ''}{named}{more}")


def _print_neighbours(found: Difference, n_neighbours: int, n_shown: int, first: str, second: str) -> None:
    if not found.changed:
        return
    click.echo(
        f"\nneighbours: of {n_neighbours}, {found.mean_shared:.1f} are the same, "
        f"on average over {len(found.changed)} words"
    )
    changed = [each for each in found.changed[:n_shown] if each.shared < len(each.first)]
    if changed:
        click.echo("changed most:")
    for each in changed:
        click.echo(f"{escaped(each.word)}  {each.shared} of {len(each.first)}")
        for name, words in ((first, each.first), (second, each.second)):
            click.echo(f"  {escaped(Path(name).name)}: {' '.join(map(escaped, words))}")


def _print_scores(rows: list[Score], oov: str, seed: int) -> None:
    from dataclasses import replace

    from embcomp.eval.report import text_report

    shown = [replace(row, target=escaped(row.target), task=escaped(row.task)) for row in rows]
    click.echo("\n" + text_report(shown, oov=oov, seed=seed, with_baseline=True), nl=False)
