"""``embcomp diff``: two embeddings beside each other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli import common
from embcomp.cli.command import Command
from embcomp.cli.eval import print_scores
from embcomp.cli.progress import progress_bars
from embcomp.cli.results import form_option, print_all
from embcomp.cli.similar import neighbours_option
from embcomp.cli.text import escaped

if TYPE_CHECKING:
    from embcomp.eval.difference import Difference

N_NAMED = 10  # words that are listed of those that one file lacks


@click.command("diff", cls=Command)
@click.argument("first", metavar="A", type=click.Path())
@click.argument("second", metavar="B", type=click.Path())
@neighbours_option
@common.count_option("--sample", default=1000, least=0, help="Look at the first N words that both have.")
@common.count_option("--restrict", default=30_000, help="Look for neighbours and answers among the first N words.")
@common.count_option("-n", "n_shown", default=10, least=0, help="Words shown.")
@common.scoring_options
@common.running_options
@form_option
@common.quiet_option
@common.source_options
def command(
    first: str,
    second: str,
    n_neighbours: int,
    sample: int,
    restrict: int,
    n_shown: int,
    form: str | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Compare A and B, .embc files or original embedding files: words, neighbours that changed most, and scores.

    Scores are those of B, beside A's as the baseline. Tables and JSON lines have the neighbours only.
    """
    from embcomp.api import as_target
    from embcomp.eval.difference import difference
    from embcomp.eval.run import score
    from embcomp.eval.suite import Settings

    options = common.read_options(given, [first, second])
    with progress_bars(quiet=quiet) as progress:
        chosen, oov, seed = common.scoring(given, has_baseline=True)
        old, new = (as_target(path, options, progress) for path in (first, second))
        found = difference(old, new, n_words=sample, n_neighbours=n_neighbours, restrict=restrict, progress=progress)
        rows = score([(Path(second).name, new)], chosen, Settings(oov, seed, restrict, old, progress))
    if form is not None:
        print_all(
            form,
            map(asdict, found.changed[:n_shown]),
            words={"both": found.n_common, "only_first": found.gone, "only_second": found.added},
            neighbours={"words": len(found.changed), "mean_shared": found.mean_shared},
            scores=[each.to_json() for each in rows],
        )
    else:
        _print_words(found, first, second)
        _print_neighbours(found, n_neighbours, n_shown, first, second)
        click.echo()
        print_scores(rows, oov, seed)


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
