"""The results of a comparison as tables: for a terminal, in Markdown, and in full. The page has the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any, Literal, NamedTuple

from embcomp.comparison.workbench import BASELINE, Result
from embcomp.eval.report import GAP, aligned, number
from embcomp.eval.score import Key, Score, over_seeds

HEADS = ("method", "bits/word", "bytes", "× vectors", "× file", "fit s", "encode s")
VALUES = ("value", "value_skipping", "value_asymmetric")
SCORE_NAMES = ("suite", "task", "metric", *VALUES, "low", "high", "n_used", "n_skipped", "oov", "is_mean")

Aspect = tuple[str, str]
"""Suite and metric."""


@dataclass(frozen=True)
class Line:
    """One method with one configuration, over all its seeds: one result for each."""

    runs: Sequence[Result]

    @property
    def first(self) -> Result:
        """The run of the first seed."""
        return self.runs[0]

    @property
    def label(self) -> str:
        """Method and options, without the seed."""
        return self.first.label or self.first.method

    @property
    def method(self) -> str:
        """The method's name."""
        return self.first.method

    @property
    def is_baseline(self) -> bool:
        """Whether this is the uncompressed source."""
        return self.method == BASELINE

    @cached_property
    def scores(self) -> dict[Key, Score]:
        """Scores of the data sets by suite, data set and metric, means over the seeds."""
        keys = [score.key for score in self.first.scores if not score.is_mean]
        found = [{score.key: score for score in run.scores} for run in self.runs]
        return {key: over_seeds([scores[key] for scores in found]) for key in keys}

    @cached_property
    def means(self) -> dict[Aspect, Score]:
        """Means of the data sets by suite and metric, means over the seeds."""
        found: dict[Aspect, list[Score]] = {}
        for run in self.runs:
            for score in run.means:
                found.setdefault((score.suite, score.metric), []).append(score)
        return {aspect: over_seeds(scores) for aspect, scores in found.items()}

    def mean(self, what: Literal["bytes", "ratio", "seconds"], which: str) -> float | None:
        """Mean over the runs: of ``bytes`` and ``ratio`` such as that of the ``file``, of ``seconds`` to ``fit``."""
        found = [sizes[which] for run in self.runs if (sizes := getattr(run, what))]
        return fmean(found) if found else None


class Cell(NamedTuple):
    """A cell of a table."""

    value: float | None
    """What to sort by; ``None`` for a gap."""
    text: str = GAP
    beside: str = ""
    """More, for tables of text."""
    below: str = ""
    """More, for the page."""


def summarise(results: Sequence[Result]) -> list[Line]:
    """Gather the runs of each configuration, in the order of their first."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    return [Line(runs) for runs in groups.values()]


def aspects(lines: Sequence[Line], *, all_metrics: bool = False) -> list[Aspect]:
    """The suites and metrics there are, in order; one metric per suite, its first, unless all are wanted.

    The uncompressed source comes last, as it lacks the metrics that compare with it.
    """
    last = sorted(lines, key=lambda line: line.is_baseline)
    every = list(dict.fromkeys(aspect for line in last for aspect in line.means))
    return every if all_metrics else [(suite, metric) for suite, metric in reversed(dict(reversed(every)).items())]


def cells(line: Line, shown: Sequence[Aspect]) -> list[Cell]:
    """A line's cells under :data:`HEADS`, without the first, and under each aspect."""
    numbers = [
        (line.first.bits_per_vector, "g"),
        (line.mean("bytes", "file"), ",.0f"),
        *((line.mean("ratio", which), ".1f") for which in ("vectors", "file")),
        *((None if line.is_baseline else line.mean("seconds", which), ".1f") for which in ("fit", "encode")),
    ]
    plain = [Cell(None) if value is None else Cell(value, format(value, form)) for value, form in numbers]
    return plain + [score_cell(line.means.get(aspect)) for aspect in shown]


def score_cell(score: Score | None) -> Cell:
    """Value and spread; beside them the ratio, below them interval and ratio."""
    if score is None or score.value is None:
        return Cell(None)
    text = f"{score.value:.1f}" + ("" if score.spread is None else f" ± {score.spread:.1f}")
    interval = [] if score.low is None or score.high is None else [f"{score.low:.1f}–{score.high:.1f}"]
    beside = "" if score.ratio is None else f" ({score.ratio:.2f})"
    share = [] if score.ratio is None else [f"{100 * score.ratio:.0f}\u00a0%"]
    return Cell(score.value, text, beside, " · ".join([*interval, *share]))


def task_table(lines: Sequence[Line], aspect: Aspect) -> tuple[list[str], list[tuple[Line, list[Cell]]]]:
    """One metric of a suite: the names of its data sets, and for each line its scores and their mean."""
    keys = list(dict.fromkeys(key for line in lines for key in line.scores if key[::2] == aspect))
    rows = [
        (line, [score_cell(each) for each in (*map(line.scores.get, keys), line.means[aspect])])
        for line in lines
        if aspect in line.means
    ]
    return [task for _, task, _ in keys], rows


def text_table(lines: Sequence[Line]) -> str:
    """For a terminal: columns of words to the left, of numbers to the right."""
    return aligned(_plain(lines), n_words=1)


def markdown_table(lines: Sequence[Line]) -> str:
    """In Markdown: the same columns, then one table per suite and metric with its data sets.

    Where words are missing, or queries can be uncompressed, the table ends with the means of those values.
    """
    parts = [_markdown(_plain(lines))]
    for suite, metric in aspects(lines, all_metrics=True):
        tasks, rows = task_table(lines, (suite, metric))
        names, more = _other_means([line for line, _ in rows], (suite, metric))
        n_cells = len(tasks) + (len(tasks) > 1)  # of one set, there is no mean beside it
        body = [
            [line.label, *(cell.text for cell in found[:n_cells]), *own]
            for (line, found), own in zip(rows, more, strict=True)
        ]
        heads = ["method", *[*tasks, "mean"][:n_cells], *names]
        parts.append(f"{suite} ({metric} ×100)\n\n" + _markdown([heads, *body]))
    return "\n".join(parts)


def _other_means(lines: Sequence[Line], aspect: Aspect) -> tuple[list[str], list[list[str]]]:
    """Names of the other values that any line has a mean of, and the means of each line."""
    heads = {"value_skipping": "missing skipped", "value_asymmetric": "asymmetric"}
    names = [name for name in heads if any(getattr(line.means[aspect], name) is not None for line in lines)]
    cells = [[number(getattr(line.means[aspect], name), ".1f") for name in names] for line in lines]
    return [heads[name] for name in names], cells


def score_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """One row per run and score, suite means included; numbers in full."""
    rows = []
    for result in results:
        for score in [each.to_json() for each in result.scores] or [{}]:
            own = {name: score.get(name) for name in SCORE_NAMES}
            rows.append(_front(result) | own | {"note": score.get("note") or result.note})
    return rows


def _plain(lines: Sequence[Line]) -> list[list[str]]:
    shown = aspects(lines)
    heads = [*HEADS, *(f"{suite} (×)" for suite, _ in shown)]
    return [heads, *([line.label, *(cell.text + cell.beside for cell in cells(line, shown))] for line in lines)]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in rows[0][1:])]
    every = [rows[0], rule, *rows[1:]]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in every)


def _front(result: Result) -> dict[str, Any]:
    sizes, ratio, seconds = result.bytes or {}, result.ratio or {}, result.seconds or {}
    return {
        "method": result.method,
        "options": " ".join(f"{name}={value}" for name, value in result.options.items()),
        "seed": result.seed,
        "bits_per_vector": result.bits_per_vector,
        "bytes": sizes.get("file"),
        "ratio_vectors": ratio.get("vectors"),
        "ratio_file": ratio.get("file"),
        "fit_seconds": seconds.get("fit"),
        "encode_seconds": seconds.get("encode"),
    }
