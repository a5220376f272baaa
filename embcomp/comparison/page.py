"""The report: one self-contained HTML page."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from string import Template

from embcomp import __version__
from embcomp.checks import size_text
from embcomp.comparison.details import HEAD_ROWS, details_of, singular_values
from embcomp.comparison.figures import Figure, Material, all_figures
from embcomp.comparison.plan import Job
from embcomp.comparison.svg import Markup, asset, tag
from embcomp.comparison.tables import HEADS, Cell, Line, aspects, cells, task_table
from embcomp.comparison.workbench import Evaluation, Result, Workbench
from embcomp.embedding import Source
from embcomp.eval.report import GAP
from embcomp.progress import Progress, no_progress

DEFAULT_WORD = "cook"
SHOWN_HEADS = ("× file", "× vectors", "bits/word", "fit s", "encode s")  # after bytes and scores
UNJUDGED = ("bits/word", "fit s", "encode s")  # columns of which no value is the best
CLOSE_ENOUGH = 0.95  # of the uncompressed quality: what the page's first sentences look for


@dataclass(frozen=True)
class Report:
    """The content of a page.

    Attributes:
        source: what was compressed.
        lines: all configurations, the uncompressed source first.
        figures: the pictures.
        evaluation: what everything was scored on.
        notes: for people.
    """

    source: Source
    lines: Sequence[Line]
    figures: Sequence[Figure]
    evaluation: Evaluation
    notes: Sequence[str] = ()


def build_report(
    bench: Workbench, lines: Sequence[Line], word: str | None, notes: Sequence[str], progress: Progress = no_progress
) -> Report:
    """Gather what a page shows of each configuration's first run; ``word`` as for the pattern of bits.

    Without a word it is "cook", as in [Liao 2020, Fig. 3], if the source has it.
    """
    embedding = bench.embedding
    shown = word or (DEFAULT_WORD if DEFAULT_WORD in embedding else None)
    compressed = [line for line in lines if line.first.key]
    details = {}
    for done, line in enumerate(compressed):
        progress(f"{line.label}: report", done, len(compressed))
        path, _ = bench.container(Job(line.method, line.first.config))
        details[line.label] = details_of(embedding, path, line.first.key, shown, bench.cache)
    own_values = singular_values(embedding.vectors[:HEAD_ROWS])
    figures = all_figures(Material(lines, details, own_values))
    return Report(embedding.source, lines, figures, bench.evaluation, notes)


def html_page(report: Report) -> str:
    """The page, whole."""
    title = f"Compressing {report.source.name or 'an embedding'}"
    found = findings(report.lines)
    folded = [part for suite, tables in _task_tables(report.lines) for part in _folded(suite, tables)]
    parts = {
        "Quality against size": _figures(report, pareto=True),
        "All methods": _table(report.lines),
        "What is lost, and how it is learned": _figures(report, pareto=False),
        "Every data set": folded,
        "What was run": _folded("Source, versions, options and checksums", _provenance(report)),
        "Notes": [tag("ul", *(tag("li", text) for text in report.notes))] if report.notes else [],
    }
    shown = {heading: content for heading, content in parts.items() if content}
    links = [tag("a", heading, href=f"#{_anchor(heading)}") for heading in shown]
    sections = [
        tag("h1", title),
        tag("p", _introduction(report), class_="lead"),
        *([tag("ul", *(tag("li", text) for text in found), class_="findings")] if found else []),
        tag("nav", *links, aria_label="Contents"),
        *(tag("section", tag("h2", name), *content, id=_anchor(name)) for name, content in shown.items()),
    ]
    return Template(asset("page.html")).substitute(
        title=escape(title),
        version=escape(__version__),
        style=asset("picture.css") + asset("page.css"),
        script=asset("page.js"),
        main="".join(sections),
    )


def findings(lines: Sequence[Line]) -> list[str]:
    """For each suite, the smallest file that keeps nearly all of the quality."""
    found = []
    for aspect in aspects(lines):
        kept = [(line, line.means[aspect].ratio) for line in lines[1:] if aspect in line.means]
        if all(ratio is None for _, ratio in kept):
            continue  # the uncompressed source has no such score: fidelity
        near = [line for line, ratio in kept if ratio is not None and ratio >= CLOSE_ENOUGH]
        close = [(size, line) for line in near if (size := line.mean("bytes", "file"))]
        share = f"{100 * CLOSE_ENOUGH:.0f} % of the uncompressed {aspect[0]}"
        if close:
            size, line = min(close, key=lambda each: each[0])
            times = f"{line.mean('ratio', 'file') or 0.0:.1f} × smaller"
            found.append(f"Smallest with at least {share}: {line.label}, {size_text(size)}, {times}.")
        else:
            found.append(f"Nothing here keeps {share}.")
    return found


def _introduction(report: Report) -> str:
    base = next((line for line in report.lines if line.is_baseline), None)
    size = base.mean("bytes", "file") if base else None
    n_others = len([line for line in report.lines if not line.is_baseline])
    n_seeds = max(len(line.runs) for line in report.lines)
    seeds = f", {n_seeds} seeds each" if n_seeds > 1 else ""
    about = "" if size is None else f", {size_text(size)} as float32"
    words = f"{report.source.rows:,} words of {report.source.dim} dimensions{about}."
    return f"{words} {n_others} ways to compress them{seeds}, scored beside the uncompressed source."


def _anchor(heading: str) -> str:
    return "-".join(re.findall("[a-z]+", heading.lower()))


def _folded(heading: str, content: Sequence[Markup]) -> list[Markup]:
    """Content that is there when its heading is clicked, and on paper."""
    return [tag("details", tag("summary", heading[:1].upper() + heading[1:]), *content)]


def _figures(report: Report, *, pareto: bool) -> list[Markup]:
    drawn = [
        tag("figure", tag("h3", each.title), each.picture, tag("figcaption", each.caption))
        for each in report.figures
        if each.slug.startswith("pareto") == pareto
    ]
    return [tag("div", *drawn, class_="figures")] if drawn else []


def _table(lines: Sequence[Line]) -> list[Markup]:
    shown = aspects(lines)
    metrics = ", ".join(f"{suite} {metric}" for suite, metric in shown)
    n_front = len(HEADS) - 1
    rows = []
    for line in lines:
        found = cells(line, shown)
        size, *others = (found[HEADS.index(head) - 1] for head in ("bytes", *SHOWN_HEADS))
        rows.append((line, [size, *found[n_front:], *others]))
    caption = (
        f"Suites ({metrics}): mean over data sets ×100, higher is better{_below(rows)}. The best of each column is "
        "marked. A click on a heading sorts."
    )
    return _sortable(caption, ["method", "bytes", *(suite for suite, _ in shown), *SHOWN_HEADS], rows)


def _below(rows: Sequence[tuple[Line, Sequence[Cell]]]) -> str:
    """What stands below the scores of a table: only what is there."""
    texts = [cell.below for _, found in rows for cell in found]
    parts = [
        *(["its 95 % interval"] if any("–" in text for text in texts) else []),
        *(["its share of the uncompressed source's"] if any("%" in text for text in texts) else []),
    ]
    return f"; below it {' and '.join(parts)}" if parts else ""


def _task_tables(lines: Sequence[Line]) -> list[tuple[str, list[Markup]]]:
    """For each suite, a table of each metric with all data sets and their mean."""
    tables: dict[str, list[Markup]] = {}
    for suite, metric in aspects(lines, all_metrics=True):
        tasks, rows = task_table(lines, (suite, metric))
        heads = [*tasks, "mean"][: len(tasks) + (len(tasks) > 1)]  # of one set, there is no mean beside it
        rows = [(line, found[: len(heads)]) for line, found in rows]
        caption = f"{metric} ×100, higher is better{_below(rows)}."
        tables.setdefault(suite, []).extend(_sortable(caption, ["method", *heads], rows))
    return list(tables.items())


def _sortable(caption: str, heads: Sequence[str], rows: Sequence[tuple[Line, Sequence[Cell]]]) -> list[Markup]:
    buttons = [tag("th", tag("button", head, type="button"), scope="col") for head in heads]
    best = [
        _best(head, [found[i] for line, found in rows if not line.is_baseline]) for i, head in enumerate(heads[1:])
    ]
    body = [
        tag(
            "tr",
            tag("th", line.label, scope="row", data_sort=line.label),
            *(_cell(cell, cell.value == top and not line.is_baseline) for cell, top in zip(found, best, strict=True)),
            class_="baseline" if line.is_baseline else None,
        )
        for line, found in rows
    ]
    return _scrolling(caption, buttons, body, class_="sortable")


def _scrolling(
    caption: str, heads: Sequence[Markup], rows: Sequence[Markup], class_: str | None = None
) -> list[Markup]:
    """A table that may be wider than the screen, with its caption above, which is not."""
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_=class_)
    region = tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)
    hint = tag("span", " Scroll the table sideways for more.", class_="hint")
    return [tag("p", caption, hint, class_="soft"), region]


def _best(head: str, column: Sequence[Cell]) -> float | None:
    """The best value of a column, if it has one: the fewest bytes, the most of everything else."""
    values = [cell.value for cell in column if cell.value is not None]
    if head in UNJUDGED or len(set(values)) < 2:
        return None
    return min(values) if head == "bytes" else max(values)


def _cell(cell: Cell, best: bool) -> Markup:
    below = [tag("small", cell.below)] if cell.below else []
    value = tag("strong", cell.text) if best else cell.text
    return tag("td", value, *below, data_sort=None if cell.value is None else repr(cell.value))


def _provenance(report: Report) -> list[Markup]:
    source, how = report.source, report.evaluation
    versions = [f"{name} {version(name)}" for name in ("numpy", "scipy", "gensim")]
    facts = {
        "source": f"{source.name} ({source.format}), {source.rows:,} words of {source.dim} dimensions",
        "SHA-256 of the source": source.sha256,
        "dropped": f"{source.duplicates_dropped} duplicate words, {source.bad_rows_dropped} bad rows",
        "made with": ", ".join([f"embcomp {__version__}", f"Python {platform.python_version()}", *versions]),
        "machine": f"{platform.system()} {platform.machine()}; seconds are those of the run that did the work",
        "scored with": f"words that are missing: {how.oov}; seed {how.seed} of bootstrap and k-means",
        **{f"SHA-256 of {suite.name} data": how.data[suite.name] for suite, data in how.chosen if data},
    }
    listed = [
        part
        for name, text in facts.items()
        for part in (tag("dt", name), tag("dd", tag("code", text) if name.startswith("SHA") else text))
        if text
    ]
    names = ("method", "seed", "options", "SHA-256 of the file")
    heads = [tag("th", name, scope="col", class_="wrap") for name in names]
    rows = [_run(line, run) for line in report.lines if not line.is_baseline for run in line.runs]
    caption = "Every run. The same source, options and version give the same file."
    return [tag("dl", *listed), *_scrolling(caption, heads, rows)]


def _run(line: Line, run: Result) -> Markup:
    options = json.dumps(run.options, ensure_ascii=False)[1:-1] if run.config is not None else run.note
    return tag(
        "tr",
        tag("th", line.label, scope="row"),
        tag("td", GAP if run.seed is None else str(run.seed), class_="seed"),
        tag("td", tag("code", options or GAP), class_="wrap"),
        tag("td", tag("code", run.sha256 or GAP), class_="wrap"),
    )
