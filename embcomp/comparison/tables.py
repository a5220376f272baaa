"""The results of a comparison as tables: for a terminal, in Markdown, and as CSV."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from embcomp.comparison.workbench import BASELINE, Result
from embcomp.eval.run import SUITES

GAP = "–"

CSV_FRONT = (
    "method",
    "options",
    "seed",
    "bits_per_vector",
    "bytes",
    "ratio_vectors",
    "ratio_file",
    "fit_seconds",
    "encode_seconds",
)

Aspect = tuple[str, str]
"""Suite and metric."""


@dataclass(frozen=True)
class Quality:
    """A suite's mean over its data sets, averaged over seeds; ×100.

    Attributes:
        value: ``None`` is a gap.
        low, high: of the 95 % interval over the items of the data sets (means of the seeds' own).
        spread: standard deviation over seeds; ``None`` for one seed.
        ratio: to the uncompressed source.
        task: what the value is of: ``mean of 7``, or the name of the only data set.
    """

    value: float | None
    low: float | None
    high: float | None
    spread: float | None
    ratio: float | None
    task: str


@dataclass(frozen=True)
class Line:
    """One method with one configuration, over all its seeds.

    Attributes:
        label: method and options; without the seed.
        runs: one result per seed.
        qualities: by suite and metric.
        tasks: by suite, data set and metric.
    """

    label: str
    runs: Sequence[Result]
    qualities: dict[Aspect, Quality] = field(default_factory=dict)
    tasks: dict[tuple[str, str, str], Quality] = field(default_factory=dict)

    @property
    def first(self) -> Result:
        """The run of the first seed."""
        return self.runs[0]

    @property
    def method(self) -> str:
        """The method's name."""
        return self.first.method

    @property
    def is_baseline(self) -> bool:
        """Whether this is the uncompressed source."""
        return self.method == BASELINE

    def bytes(self) -> float | None:
        """Mean size of the file."""
        return _mean([run.sizes["file"] for run in self.runs if run.sizes])

    def ratio(self, which: str) -> float | None:
        """Mean ratio: ``vectors`` or ``file``."""
        return _mean([run.ratio[which] for run in self.runs if run.ratio])

    def seconds(self, which: str) -> float | None:
        """Mean seconds: ``fit`` or ``encode``."""
        return _mean([run.seconds[which] for run in self.runs if run.seconds])


def summarise(results: Sequence[Result]) -> list[Line]:
    """Gather the runs of each configuration, in the order of their first."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    base = _values(results[0].scores) if results and results[0].method == BASELINE else {}
    return [_line(runs, base) for runs in groups.values()]


def aspects(lines: Sequence[Line], *, all_metrics: bool = False) -> list[Aspect]:
    """The suites and metrics there are, in order; one metric per suite, its first, unless all are wanted."""
    there = {aspect for line in lines for aspect in line.qualities}
    every = [(suite, metric) for suite, metrics in SUITES.items() for metric in metrics if (suite, metric) in there]
    if all_metrics:
        return every
    return list({suite: (suite, metric) for suite, metric in reversed(every)}.values())[::-1]


def text_table(lines: Sequence[Line]) -> str:
    """For a terminal: columns of words to the left, of numbers to the right."""
    cells = [header(lines), *(row(line, lines) for line in lines)]
    widths = [max(len(each[column]) for each in cells) for column in range(len(cells[0]))]
    return "".join(_aligned(each, widths) + "\n" for each in cells)


def markdown_table(lines: Sequence[Line]) -> str:
    """In Markdown: the same columns, then one table per suite with its data sets."""
    parts = [_markdown([header(lines), *(row(line, lines) for line in lines)])]
    for suite, metric in aspects(lines, all_metrics=True):
        tasks = list(dict.fromkeys(key for line in lines for key in line.tasks if key[::2] == (suite, metric)))
        if len(tasks) > 1:
            heading = ["method", *(task for _, task, _ in tasks), "mean"]
            body = [
                [line.label, *(_score(line.tasks.get(key)) for key in tasks), _score(line.qualities[suite, metric])]
                for line in lines
                if (suite, metric) in line.qualities
            ]
            parts.append(f"{suite} ({metric} ×100)\n\n" + _markdown([heading, *body]))
    return "\n".join(parts)


def csv_table(results: Sequence[Result]) -> str:
    """As CSV: one line per run and score, suite means included; numbers in full."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fields = ["suite", "task", "metric", "value", "low", "high", "n_used", "n_skipped", "oov"]
    writer.writerow([*CSV_FRONT, *fields, "note"])
    for result in results:
        front = [*_csv_front(result)]
        for score in result.scores or [{}]:
            writer.writerow([*front, *(score.get(name) for name in fields), score.get("note") or result.note])
    return out.getvalue()


def header(lines: Sequence[Line]) -> list[str]:
    """The columns' names."""
    fixed = ["method", "bits/word", "bytes", "× vectors", "× file", "fit s", "encode s"]
    return fixed + [f"{suite} (×)" for suite, _ in aspects(lines)]


def row(line: Line, lines: Sequence[Line]) -> list[str]:
    """One line's cells, as texts."""
    cells = [
        line.label,
        GAP if line.first.bits is None else str(line.first.bits),
        _form(line.bytes(), lambda value: f"{value:,.0f}"),
        _form(line.ratio("vectors"), lambda value: f"{value:.1f}"),
        _form(line.ratio("file"), lambda value: f"{value:.1f}"),
        _form(line.seconds("fit"), lambda value: f"{value:.1f}" if not line.is_baseline else ""),
        _form(line.seconds("encode"), lambda value: f"{value:.1f}" if not line.is_baseline else ""),
    ]
    return cells + [_score(line.qualities.get(aspect), ratio=True) for aspect in aspects(lines)]


def size_text(n_bytes: float) -> str:
    """A size for people, in decimal units, without digits that are not there: 500 kB, 1.2 MB."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"


def _line(runs: Sequence[Result], base: dict[tuple[str, str, str], float]) -> Line:
    qualities: dict[Aspect, list[dict[str, Any]]] = {}
    tasks: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for run in runs:
        for mean in run.means:
            qualities.setdefault((mean["suite"], mean["metric"]), []).append(mean)
        for score in run.scores:
            if not score["task"].startswith("mean of"):
                key = score["suite"], score["task"], score["metric"]
                reference = base.get(key, 0.0)
                value = score["value"]
                ratio = value / reference if value is not None and reference > 0 else None
                tasks.setdefault(key, []).append(score | {"ratio": ratio})
    return Line(
        label=runs[0].label or runs[0].method,
        runs=runs,
        qualities={key: _quality(found) for key, found in qualities.items()},
        tasks={key: _quality(found) for key, found in tasks.items()},
    )


def _quality(rows: Sequence[dict[str, Any]]) -> Quality:
    def mean_of(name: str) -> float | None:
        values = [row[name] for row in rows]
        return None if None in values else _mean(values)

    values = [row["value"] for row in rows if row["value"] is not None]
    spread = statistics.stdev(values) if len(values) == len(rows) > 1 else None
    return Quality(mean_of("value"), mean_of("low"), mean_of("high"), spread, mean_of("ratio"), rows[0]["task"])


def _values(scores: Sequence[dict[str, Any]]) -> dict[tuple[str, str, str], float]:
    return {
        (score["suite"], score["task"], score["metric"]): score["value"]
        for score in scores
        if score["value"] is not None
    }


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _form(value: float | None, form: Callable[[float], str]) -> str:
    return GAP if value is None else form(value)


def _score(quality: Quality | None, *, ratio: bool = False) -> str:
    if quality is None or quality.value is None:
        return GAP
    text = f"{quality.value:.1f}"
    if quality.spread is not None:
        text += f" ± {quality.spread:.1f}"
    if ratio and quality.ratio is not None:
        text += f" ({quality.ratio:.2f})"
    return text


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return "  ".join([cells[0].ljust(widths[0]), *numbers]).rstrip()


def _markdown(cells: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in cells[0][1:])]
    rows = [cells[0], rule, *cells[1:]]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in each) + " |\n" for each in rows)


def _csv_front(result: Result) -> list[Any]:
    options = " ".join(f"{name}={value}" for name, value in result.options.items())
    sizes, ratio, seconds = result.sizes or {}, result.ratio or {}, result.seconds or {}
    return [
        result.method,
        options,
        result.seed,
        result.bits,
        sizes.get("file"),
        ratio.get("vectors"),
        ratio.get("file"),
        seconds.get("fit"),
        seconds.get("encode"),
    ]
