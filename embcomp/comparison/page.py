"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from typing import Any

from embcomp import __version__
from embcomp.comparison import svg
from embcomp.comparison.details import HEAD_ROWS, details_of, singular_values
from embcomp.comparison.figures import Figure, Material, all_figures
from embcomp.comparison.plan import Job
from embcomp.comparison.svg import tag
from embcomp.comparison.tables import GAP, Line, Quality, aspects, size_text
from embcomp.comparison.workbench import FIDELITY, Evaluation, Workbench
from embcomp.embedding import Source
from embcomp.progress import Progress, no_progress

DEFAULT_WORD = "cook"
CLOSE_ENOUGH = 0.95  # of the uncompressed quality: what the page's first sentences look for

STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:76rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .5rem;text-wrap:balance}
h2{font-size:1.2rem;margin:2.5rem 0 .75rem}
p,dd,figcaption{max-width:70ch;overflow-wrap:anywhere}
.soft,figcaption{color:var(--soft)}
figcaption{font-size:.875rem}
ul.findings{padding-left:1.2rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:2rem}
figure{margin:0;max-width:35rem;break-inside:avoid}
figure h3{font-size:1rem;margin:0 0 .5rem}
figure svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}
.scroll:focus-visible,button:focus-visible{outline:2px solid var(--s0);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
section>p.soft{font-size:.875rem;margin:1rem 0 .5rem}
th,td{padding:.35rem .6rem;text-align:right;white-space:nowrap;border-top:1px solid var(--grid);vertical-align:top}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}
thead th{border-top:0;background:var(--band);vertical-align:bottom}
thead th:first-child{background:var(--band)}
tbody th{font-weight:600}
td small{display:block;color:var(--soft)}
th.wrap{text-align:left}
td.wrap{white-space:normal;text-align:left;min-width:16rem;overflow-wrap:anywhere}
code{font:.8125rem ui-monospace,monospace;overflow-wrap:anywhere}
button{all:unset;cursor:pointer;font-weight:600;border-radius:3px}
button::after{content:"\\2195";color:var(--soft);padding-left:.3em;font-weight:400}
[aria-sort=ascending] button::after{content:"\\2191";color:var(--ink)}
[aria-sort=descending] button::after{content:"\\2193";color:var(--ink)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}
dt{color:var(--soft)}dd{margin:0}
@media (max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}
th:first-child,td:first-child{max-width:9rem;white-space:normal}}
@media print{body{max-width:none;padding:0;font-size:10pt}button::after{content:""}.scroll{overflow:visible;border:0}
.figures{grid-template-columns:1fr 1fr}table{font-size:7.5pt}h2{break-after:avoid}
th:first-child,td:first-child{position:static}th,td{white-space:normal}}
"""

SCRIPT = """
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending" || (column === 0 && !head.hasAttribute("aria-sort"));
    heads.forEach(each => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = row => row.cells[column].dataset.sort ?? "";
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const difference = column === 0 ? x.localeCompare(y, "en", {numeric: true}) : x - y;
      return up ? difference : -difference;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Report:
    """What a page says.

    Attributes:
        source: what was compressed.
        lines: all configurations, the uncompressed source first.
        figures: the pictures.
        evaluation: what everything was scored on.
        data: SHA-256 of each suite's data.
        notes: for people.
    """

    source: Source
    lines: Sequence[Line]
    figures: Sequence[Figure]
    evaluation: Evaluation
    data: dict[str, str]
    notes: Sequence[str] = ()


def build_report(
    bench: Workbench, lines: Sequence[Line], word: str | None, notes: Sequence[str], progress: Progress = no_progress
) -> Report:
    """Gather what a page shows of each configuration's first run; ``word`` as for the pattern of bits.

    Without a word it is "cook", as in iiq.txt Fig. 3, if the source has it.
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
    return Report(embedding.source, lines, figures, bench.evaluation, bench.suites, notes)


def html_page(report: Report) -> str:
    """The page, whole."""
    title = f"Compressing {report.source.name or 'an embedding'}"
    sections = [
        tag("h1", escape(title)),
        tag("p", escape(_introduction(report))),
        tag("ul", *(tag("li", escape(text)) for text in findings(report.lines)), class_="findings"),
        *(tag("p", escape(text), class_="soft") for text in report.notes),
        _section("Quality against size", _figures(report, "pareto")),
        _section("All methods", _table(report.lines)),
        _section("What is lost, and how it is learnt", _figures(report, "")),
        *(_section(f"{suite.capitalize()} in full", table) for suite, table in _task_tables(report.lines)),
        _section("What was run", _provenance(report)),
    ]
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f'<meta name="generator" content="embcomp {escape(__version__)}">',
        tag("title", escape(title)),
        tag("style", svg.STYLE + STYLE),
    ]
    body = tag("main", *sections) + tag("script", SCRIPT)
    return f'<!doctype html>\n<html lang="en">\n<head>{"".join(head)}</head>\n<body>{body}</body>\n</html>\n'


def findings(lines: Sequence[Line]) -> list[str]:
    """For each suite, the smallest file that keeps nearly all of the quality."""
    found = []
    for aspect in aspects(lines):
        suite = aspect[0]
        if all(aspect not in line.qualities or line.qualities[aspect].ratio is None for line in lines[1:]):
            continue  # the uncompressed source has no such score: fidelity
        close = [
            (size, line)
            for line in lines
            if not line.is_baseline
            and (size := line.bytes()) is not None
            and (quality := line.qualities.get(aspect)) is not None
            and quality.ratio is not None
            and quality.ratio >= CLOSE_ENOUGH
        ]
        if close:
            size, line = min(close, key=lambda each: each[0])
            ratio = line.ratio("file") or 0.0
            share = f"at least {100 * CLOSE_ENOUGH:.0f} % of the uncompressed {suite}"
            found.append(f"Smallest with {share}: {line.label}, {size_text(size)}, {ratio:.1f} × smaller.")
        else:
            found.append(f"Nothing here keeps {100 * CLOSE_ENOUGH:.0f} % of the uncompressed {suite}.")
    return found


def _introduction(report: Report) -> str:
    base = next((line for line in report.lines if line.is_baseline), None)
    size = base.bytes() if base else None
    n_others = len([line for line in report.lines if not line.is_baseline])
    n_seeds = max(len(line.runs) for line in report.lines)
    seeds = f", {n_seeds} seeds each" if n_seeds > 1 else ""
    about = "" if size is None else f", {size_text(size)} as float32"
    words = f"{report.source.rows:,} words of {report.source.dim} dimensions{about}."
    return f"{words} {n_others} ways to compress them{seeds}, scored beside the uncompressed source."


def _section(heading: str, content: str) -> str:
    return tag("section", tag("h2", escape(heading)), content) if content else ""


def _figures(report: Report, prefix: str) -> str:
    chosen = [each for each in report.figures if each.slug.startswith("pareto") == bool(prefix)]
    drawn = [
        tag("figure", tag("h3", escape(each.title)), each.picture, tag("figcaption", escape(each.caption)))
        for each in chosen
    ]
    return tag("div", *drawn, class_="figures") if drawn else ""


def _table(lines: Sequence[Line]) -> str:
    shown = aspects(lines)
    heads = [
        "method",
        "bits/word",
        "bytes",
        "× vectors",
        "× file",
        "fit s",
        "encode s",
        *(suite for suite, _ in shown),
    ]
    rows = [
        [_name(line), *_numbers(line), *(_quality(line.qualities.get(aspect)) for aspect in shown)] for line in lines
    ]
    metrics = ", ".join(f"{suite} {metric}" for suite, metric in shown)
    caption = (
        f"Suites ({metrics}): mean over data sets ×100, its 95 % interval, and its ratio to the uncompressed source. "
        "A click on a heading sorts."
    )
    return _sortable(caption, heads, rows)


def _task_tables(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """For each suite, a table of each metric with all data sets and their mean."""
    tables: dict[str, str] = {}
    for aspect in aspects(lines, all_metrics=True):
        suite, metric = aspect
        keys = list(dict.fromkeys(key for line in lines for key in line.tasks if key[::2] == aspect))
        having = [line for line in lines if aspect in line.qualities]
        rows = [
            [_name(line), *(_quality(line.tasks.get(key)) for key in keys), _quality(line.qualities[aspect])]
            for line in having
        ]
        caption = f"{metric} ×100, 95 % interval, ratio to the uncompressed source."
        table = _sortable(caption, ["method", *(task for _, task, _ in keys), "mean"], rows)
        tables[suite] = tables.get(suite, "") + table
    return list(tables.items())


def _sortable(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    buttons = [tag("th", tag("button", escape(head), type="button"), scope="col") for head in heads]
    body = tag("tbody", *(tag("tr", *row) for row in rows))
    return _scrolling(caption, tag("table", tag("thead", tag("tr", *buttons)), body, class_="sortable"))


def _scrolling(caption: str, table: str) -> str:
    """A table that may be wider than the screen, with its caption above, which is not."""
    region = tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)
    return tag("p", escape(caption), class_="soft") + region


def _name(line: Line) -> str:
    return tag("th", escape(line.label), scope="row", data_sort=line.label)


def _numbers(line: Line) -> list[str]:
    bits, size = line.first.bits, line.bytes()
    fit, encode = (None, None) if line.is_baseline else (line.seconds("fit"), line.seconds("encode"))
    ratios = line.ratio("vectors"), line.ratio("file")
    return [
        _cell(bits, "" if bits is None else str(bits)),
        _cell(size, "" if size is None else f"{size:,.0f}"),
        *(_cell(ratio, "" if ratio is None else f"{ratio:.1f}") for ratio in ratios),
        *(_cell(seconds, "" if seconds is None else f"{seconds:.2f}") for seconds in (fit, encode)),
    ]


def _cell(value: float | None, text: str, small: str = "") -> str:
    under = tag("small", escape(small)) if small else ""
    return tag("td", escape(text or GAP) + under, data_sort=None if value is None else repr(value))


def _quality(quality: Quality | None) -> str:
    if quality is None or quality.value is None:
        return _cell(None, "")
    spread = "" if quality.spread is None else f" ± {quality.spread:.1f}"
    interval = "" if quality.low is None or quality.high is None else f"{quality.low:.1f}–{quality.high:.1f}"
    ratio = "" if quality.ratio is None else f"×\u00a0{quality.ratio:.2f}"
    return _cell(quality.value, f"{quality.value:.1f}{spread}", "  ".join(part for part in (interval, ratio) if part))


def _provenance(report: Report) -> str:
    source, how = report.source, report.evaluation
    versions = {name: version(name) for name in ("numpy", "scipy", "gensim")}
    facts = {
        "source": f"{source.name} ({source.format}), {source.rows:,} words of {source.dim} dimensions",
        "SHA-256 of the source": source.sha256,
        "dropped": f"{source.duplicates_dropped} duplicate words, {source.bad_rows_dropped} bad rows",
        "made with": f"embcomp {__version__}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items()),
        "machine": f"{platform.system()} {platform.machine()}; seconds are those of the run that did the work",
        "scored with": f"words that are missing: {how.oov}; seed {how.seed} of bootstrap and k-means",
        **{f"SHA-256 of {suite} data": digest for suite, digest in report.data.items() if suite != FIDELITY},
    }
    listed = [tag("dt", escape(name)) + tag("dd", _value(name, text)) for name, text in facts.items() if text]
    heads = ["method", "seed", "options", "SHA-256 of the file"]
    rows = [_run(line, run) for line in report.lines if not line.is_baseline for run in line.runs]
    table = tag(
        "table",
        tag("thead", tag("tr", *(tag("th", head, scope="col", class_="wrap") for head in heads))),
        tag("tbody", *rows),
    )
    caption = "Every run. The same source, options and version give the same file."
    return tag("dl", *listed) + _scrolling(caption, table)


def _value(name: str, text: str) -> str:
    return tag("code", escape(text)) if name.startswith("SHA") else escape(text)


def _run(line: Line, run: Any) -> str:
    options = json.dumps(run.options, ensure_ascii=False)[1:-1] if run.config is not None else run.note
    return tag(
        "tr",
        tag("th", escape(line.label), scope="row"),
        tag("td", GAP if run.seed is None else str(run.seed), style="text-align:left"),
        tag("td", tag("code", escape(options or GAP)), class_="wrap"),
        tag("td", tag("code", run.sha256 or GAP), class_="wrap"),
    )
