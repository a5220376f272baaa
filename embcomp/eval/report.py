"""Scores as a text table."""

from __future__ import annotations

from collections.abc import Sequence

from embcomp.eval.score import Score, with_means

GAP = "–"


def text_report(scores: Sequence[Score], *, oov: str = "mean", seed: int = 0) -> str:
    """Value, interval, coverage, means per suite, and ratios if a score has a baseline.

    ``oov`` and ``seed`` are those of the run; the line above the table states them.
    """
    policy = {"mean": "replaced by the mean vector", "skip": "skipped with their rows"}[oov]
    lines = [f"out-of-vocabulary words {policy}; values ×100; 95 % bootstrap intervals, seed {seed}\n"]
    header = ["suite", "task", "metric", "value", "interval", "n used", "skipped", "oov"]
    header += ["baseline", "ratio", "p"] if any(score.baseline for score in scores) else []
    for target in dict.fromkeys(score.target for score in scores):
        rows = with_means([score for score in scores if score.target == target])
        cells = [header, *(_cells(row)[: len(header)] for row in rows)]
        lines += [f"\n{target}\n", aligned(cells, n_words=3)]
    notes = [f"{score.target}: {score.suite} {score.task}: {score.note}\n" for score in scores if score.note]
    return "".join([*lines, *(["\n", *notes] if notes else [])])


def aligned(cells: Sequence[Sequence[str]], n_words: int) -> str:
    """Rows of a table as text: the first columns, of words, to the left, the others, of numbers, to the right."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]

    def padded(column: int, cell: str) -> str:
        return cell.ljust(widths[column]) if column < n_words else cell.rjust(widths[column])

    return "".join("  ".join(padded(*each) for each in enumerate(row)).rstrip() + "\n" for row in cells)


def number(value: float | None, form: str) -> str:
    """A number in a form such as ``.1f``; a dash for a gap."""
    return GAP if value is None else format(value, form)


def _cells(score: Score) -> list[str]:
    interval = "" if score.low is None or score.high is None else f"{score.low:.1f} … {score.high:.1f}"
    counts = [str(score.n_used), str(score.n_skipped), str(score.oov)]
    base = None if score.baseline is None else score.baseline.value
    beside = [number(base, ".1f"), number(score.ratio, ".3f"), number(score.p_value, ".3f")]
    return [score.suite, score.task, score.metric, number(score.value, ".1f"), interval, *counts, *beside]
