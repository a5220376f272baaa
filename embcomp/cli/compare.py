"""``embcomp compare``: several methods on one source, in one table."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli import common
from embcomp.cli.command import Command, Name, note
from embcomp.cli.progress import overall_bar, progress_bars
from embcomp.cli.results import form_option, print_all
from embcomp.errors import MissingWordError, ParameterError
from embcomp.files import check_target, replacing

if TYPE_CHECKING:
    from embcomp.comparison.page import Report

PATH = click.Path(path_type=Path)


def _widths(context: click.Context, parameter: click.Parameter, text: str | None) -> list[int]:
    try:
        widths = [] if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        widths = [0]
    if any(width < 1 for width in widths):
        raise ParameterError(f"`bits` must be whole numbers from 1 on with commas between them, got {text!r}")
    return widths


@click.command("compare", cls=Command)
@click.argument("source", metavar="SOURCE", type=click.Path())
@click.option(
    "--methods",
    type=Name("embcomp.compressors.registry:method_names", "all", separator=","),
    metavar="NAME,…",
    help="Which methods, in which order; options after colons, as in iiq:remove-top=14. 'all' for all there are; "
    "default those that do not take minutes.",
)
@click.option(
    "--bits",
    callback=_widths,
    metavar="N,…",
    help="Run each method at each of these numbers of bits per word, or the next below that it can have.",
)
@click.option(
    "--target-size",
    type=common.Size(),
    metavar="SIZE",
    help="Choose each method's options so that its file fits, as in 5MB.",
)
@click.option(
    "--target-ratio",
    type=float,
    metavar="R",
    help="Choose each method's options so that it is smaller by at least R (vectors only), as in 64.",
)
@common.scoring_options
@common.threads_option
@common.count_option(
    "--seeds",
    default=1,
    most=1000,
    help="Run each method with N seeds, from --seed on; tables then show mean ± standard deviation.",
)
@click.option("--markdown", "markdown_file", type=PATH, metavar="FILE", help="Also write the tables in Markdown.")
@click.option("--html", "html_file", type=PATH, metavar="FILE", help="Also write a report, one self-contained page.")
@click.option("--plots", type=PATH, metavar="DIR", help="Also write the report's pictures there, as SVG.")
@click.option(
    "--word", metavar="WORD", help="Whose neighbours' bits the report shows (default: cook, if it is there)."
)
@click.option("--cache", "cache_dir", type=PATH, metavar="DIR", help="Keep results there; default the user's cache.")
@click.option("--no-cache", is_flag=True, help="Keep nothing, and use nothing kept.")
@common.output_options
@form_option
@common.source_options
def command(
    source: str,
    methods: str | None,
    bits: list[int],
    target_size: int | None,
    target_ratio: float | None,
    seeds: int,
    markdown_file: Path | None,
    html_file: Path | None,
    plots: Path | None,
    word: str | None,
    cache_dir: Path | None,
    no_cache: bool,
    force: bool,
    quiet: bool,
    form: str | None,
    **given: Any,
) -> None:
    """Compress SOURCE with several methods, score each, and print one table.

    Each line has the file's bytes, how many times smaller that is (vectors only, and whole file), seconds, and each
    suite's mean with its ratio to the uncompressed source. A second run does only what is new.
    """
    if cache_dir is not None and no_cache:
        raise click.UsageError("--cache and --no-cache exclude each other")
    if bits and (target_size is not None or target_ratio is not None):
        raise click.UsageError("--bits and a target size or ratio exclude each other")
    files = [path for path in (markdown_file, html_file) if path is not None]
    for path in files:
        check_target(path, force=force, sources=[source, *common.lists_in(given)])
    if word is not None and html_file is None and plots is None:
        raise click.UsageError("--word is for a report: give --html or --plots as well")
    options = common.read_options(given, [source])

    from embcomp.comparison import tables
    from embcomp.comparison.budget import Budget, run
    from embcomp.comparison.cache import default_folder, opened_cache
    from embcomp.comparison.page import build_report, html_page
    from embcomp.comparison.plan import candidates_for
    from embcomp.comparison.workbench import Evaluation, Workbench
    from embcomp.formats import read_embedding

    candidates, notes = candidates_for(_named(methods))
    budget = Budget.given(target_size, target_ratio)
    evaluation = Evaluation(*common.scoring(given, has_baseline=True))
    with progress_bars(quiet=quiet) as progress:
        embedding = read_embedding(source, options, progress)
    if word is not None and word not in embedding:
        raise MissingWordError(word)
    folder = None if no_cache else cache_dir or default_folder()
    with opened_cache(folder) as cache, overall_bar(quiet=quiet) as progress:
        bench = Workbench(embedding, evaluation, cache)
        results, more = run(bench, candidates, bits, budget, seeds, progress)
        notes += more
        lines = tables.summarise(results)
        if html_file is not None or plots is not None:
            report = build_report(bench, lines, word, notes, progress)
            _write(html_file, lambda: html_page(report), force=force)
            _save_plots(plots, report, force=force)
    _write(markdown_file, lambda: tables.markdown_table(lines), force=force)
    for line in notes:
        note(f"embcomp: compare: {line}", quiet=quiet)
    if form is not None:
        print_all(form, tables.score_rows(results) if form == "tsv" else [result.to_json() for result in results])
    else:
        click.echo(tables.text_table(lines), nl=False)
    if budget is not None and not any(result.key for result in results):
        raise click.exceptions.Exit(1)


def _named(methods: str | None) -> list[str] | None:
    """The methods that ``--methods`` names, with their options."""
    from embcomp.compressors.registry import method_names

    if methods is None:
        return None
    texts = method_names() if methods == "all" else [text for text in methods.split(",") if text.strip()]
    if not texts:
        raise ParameterError(f"`methods` must name at least one of {', '.join(method_names())}, got {methods!r}")
    return texts


def _write(path: Path | None, make: Any, *, force: bool) -> None:
    if path is not None:
        with replacing(path, force=force) as file:
            file.write(make().encode())


def _save_plots(folder: Path | None, report: Report, *, force: bool) -> None:
    from embcomp.collection.folders import Folder
    from embcomp.comparison.svg import standalone

    if folder is not None:
        Folder(str(folder)).make()
        for figure in report.figures:
            _write(folder / f"{figure.slug}.svg", partial(standalone, figure.picture), force=force)
