"""Scores side by side with a baseline's: ratios, a paired test, a table for people, a gate for Makefiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from embcomp.arrays import DoubleArray
from embcomp.errors import ParameterError
from embcomp.eval.score import Score, interval
from embcomp.eval.statistics import paired_p_value

GAP = "–"


@dataclass(frozen=True)
class Comparison:
    """A score and the same row of the baseline.

    Attributes:
        score: of the target.
        baseline: of the baseline, or ``None`` if it has no such row.
        ratio: score over baseline; ``None`` unless both are defined and the baseline is positive.
        p_value: two-sided, of no difference, from paired resamples; ``None`` where these do not pair.
    """

    score: Score
    baseline: Score | None
    ratio: float | None
    p_value: float | None

    def reaches(self, at_least: float) -> bool:
        """Whether the score is at least that share of the baseline's (of a baseline ≤ 0: not below it).

        Fidelity always does: its numbers are comparisons with the baseline already.
        """
        if self.score.suite == "fidelity" or self.baseline is None or self.baseline.value is None:
            return True
        if self.score.value is None:
            return False
        if self.ratio is None:
            return self.score.value >= self.baseline.value
        return self.ratio >= at_least


def compare(scores: Iterable[Score], baseline: Iterable[Score]) -> list[Comparison]:
    """Pair each score with the baseline's of the same suite, task and metric."""
    by_key = {score.key: score for score in baseline}
    return [_compare(score, by_key.get(score.key)) for score in scores]


def failing(comparisons: Iterable[Comparison], at_least: float) -> list[Comparison]:
    """The rows that a gate of ``at_least`` times the baseline stops; none means that it opens.

    Raises:
        ParameterError: ``at_least`` is not a positive number.
    """
    if not at_least > 0:
        raise ParameterError(f"The 'at_least' parameter must be a number above 0, got {at_least}")
    return [comparison for comparison in comparisons if not comparison.reaches(at_least)]


def suite_means(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """One row per target, suite and metric: the mean over its data sets, and the ratio of the means.

    Data sets with a gap are left out on both sides; the task says over how many of how many the mean is. The
    interval comes from averaging the data sets' resamples, that is, from resampling within each of them.
    """
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for comparison in comparisons:
        score = comparison.score
        groups.setdefault((score.target, score.suite, score.metric), []).append(comparison)
    return [_mean(group) for group in groups.values() if len(group) > 1]


def text_report(scores: Sequence[Score], baseline: Sequence[Score] = (), *, oov: str = "mean", seed: int = 0) -> str:
    """A table for people: value, interval, coverage, means per suite, and ratios if there is a baseline.

    ``oov`` and ``seed`` are those of the run; the line above the table states them.
    """
    policy = {"mean": "replaced by the mean vector", "skip": "skipped with their rows"}[oov]
    lines = [f"out-of-vocabulary words {policy}; values ×100; 95 % bootstrap intervals, seed {seed}"]
    for target in dict.fromkeys(score.target for score in scores):
        rows = compare([score for score in scores if score.target == target], baseline)
        lines += ["", target, *_table(_ordered(rows), with_baseline=bool(baseline))]
    notes = [score for score in scores if score.note]
    lines += ["", *(f"{score.target}: {score.suite} {score.task}: {score.note}" for score in notes)] if notes else []
    return "\n".join(lines) + "\n"


def _compare(score: Score, baseline: Score | None) -> Comparison:
    if baseline is None or baseline.value is None or score.value is None:
        return Comparison(score, baseline, None, None)
    ratio = score.value / baseline.value if baseline.value > 0 else None
    if score.resamples is None or baseline.resamples is None or score.items != baseline.items:
        return Comparison(score, baseline, ratio, None)
    return Comparison(score, baseline, ratio, paired_p_value(score.resamples, baseline.resamples))


def _mean(group: Sequence[Comparison]) -> Comparison:
    first = group[0].score
    with_baseline = any(row.baseline is not None for row in group)
    full = [
        row
        for row in group
        if row.score.value is not None
        and (not with_baseline or (row.baseline is not None and row.baseline.value is not None))
    ]
    share = f"{len(full)}" if len(full) == len(group) else f"{len(full)} of {len(group)}"
    mean = _mean_score(first.target, group[0].score, [row.score for row in full], f"mean of {share}")
    bases = [row.baseline for row in full if row.baseline is not None]
    base = _mean_score(bases[0].target, first, bases, mean.task) if bases else None
    return _compare(mean, base)


def _mean_score(target: str, like: Score, scores: Sequence[Score], task: str) -> Score:
    values = [score.value for score in scores if score.value is not None]
    value = sum(values) / len(values) if values else None
    samples = [score.resamples for score in scores if score.resamples is not None]
    complete = bool(samples) and len(samples) == len(scores)
    resamples: DoubleArray | None = np.mean(samples, axis=0) if complete else None
    low, high = interval(resamples)
    used, skipped = sum(score.n_used for score in scores), sum(score.n_skipped for score in scores)
    oov = sum(score.oov for score in scores)
    items = b"".join(score.items for score in scores)
    key = (target, like.suite, task, like.metric)
    return Score(*key, value, low, high, used, skipped, oov, "", resamples, items)


def _ordered(rows: Sequence[Comparison]) -> list[Comparison]:
    """Rows of each suite, followed by its means."""
    means = suite_means(rows)
    suites = dict.fromkeys(row.score.suite for row in rows)
    return [row for suite in suites for row in [*rows, *means] if row.score.suite == suite]


def _table(rows: Sequence[Comparison], *, with_baseline: bool) -> list[str]:
    header = ["suite", "task", "metric", "value", "interval", "n used", "skipped", "oov"]
    header += ["baseline", "ratio", "p"] if with_baseline else []
    cells = [header, *(_cells(row, with_baseline=with_baseline) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    return [_aligned(line, widths) for line in cells]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = 3  # suite, task and metric are words, the rest numbers
    words = [cell.ljust(width) for cell, width in zip(cells[:left], widths[:left], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[left:], widths[left:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()


def _cells(row: Comparison, *, with_baseline: bool) -> list[str]:
    score = row.score
    interval = "" if score.low is None or score.high is None else f"{score.low:.1f} … {score.high:.1f}"
    counts = [str(score.n_used), str(score.n_skipped), str(score.oov)]
    cells = [score.suite, score.task, score.metric, _number(score.value, ".1f"), interval, *counts]
    if with_baseline:
        base = None if row.baseline is None else row.baseline.value
        cells += [_number(base, ".1f"), _number(row.ratio, ".3f"), _number(row.p_value, ".3f")]
    return cells


def _number(value: float | None, form: str) -> str:
    return GAP if value is None else format(value, form)
