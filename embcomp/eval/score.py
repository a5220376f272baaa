"""The record of a score, from its measurement to the page, and what is computed from several of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.eval.statistics import paired_p_value

INTERVAL = (2.5, 97.5)  # percentiles of a 95 % interval

Key = tuple[str, str, str]
"""Suite, task and metric."""


@dataclass(frozen=True)
class Measurement:
    """What a suite's computation gives for one metric; fractions, not percent.

    Attributes:
        value: ``None`` where it is not defined; ``note`` then says why.
        n_used: rows of the data set that went into it.
        n_skipped: rows left out because a word is missing (``oov="skip"``).
        oov: distinct terms of the data set that the target does not have.
        resamples: float64, shape (n_resamples,): the value on each bootstrap resample; NaN where undefined.
        items: which rows were used, as packed bits. Two measurements with the same items, the same task and the
            same seed were resampled alike, so their resamples are paired.
        skipping: the value over the rows without a missing word, for suites that fill these in.
        asymmetric: the value with queries that are not compressed, where there is a baseline that has them.
    """

    value: float | None
    n_used: int
    n_skipped: int = 0
    oov: int = 0
    resamples: DoubleArray | None = None
    items: bytes = b""
    note: str = ""
    skipping: float | None = None
    asymmetric: float | None = None


@dataclass(frozen=True)
class Score:
    """A measurement with its name, or the mean of several, ×100 as papers print it.

    Attributes:
        target: what was evaluated.
        suite: ``similarity``, ``categorization``, …
        task: the data set (for ``fidelity``: the frequency band); of a mean, how many it is over.
        metric: ``spearman``, ``purity``, …
        value: ×100; ``None`` shows a gap, ``note`` says why.
        low, high: 95 % percentile interval of a seeded bootstrap, ×100; ``None`` where there is none.
        n_used, n_skipped: rows of the data set that went in and that were left out.
        oov: distinct terms of the data set that the target does not have.
        value_skipping, value_asymmetric: ×100, see :class:`Measurement`; ``None`` where not defined.
        is_mean: whether this is the mean over a suite's data sets.
        spread: standard deviation over the seeds of a method; ``None`` where there is one run.
        baseline: the same score of what the target is compared with; ``None`` if that has no such score.
        resamples: float32, shape (n_resamples,): the value as a fraction on each bootstrap resample.
        items: which rows were used, see :class:`Measurement`.
    """

    target: str
    suite: str
    task: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n_used: int
    n_skipped: int
    oov: int
    note: str = field(default="", compare=False)
    value_skipping: float | None = None
    value_asymmetric: float | None = None
    is_mean: bool = False
    spread: float | None = None
    baseline: Score | None = field(default=None, repr=False, compare=False)
    resamples: FloatArray | None = field(default=None, repr=False, compare=False)
    items: bytes = field(default=b"", repr=False, compare=False)

    @classmethod
    def of(cls, key: Key, target: str, measured: Measurement) -> Score:
        """Name a measurement."""
        return cls(
            target,
            *key,
            percent(measured.value),
            *interval(measured.resamples),
            measured.n_used,
            measured.n_skipped,
            measured.oov,
            measured.note,
            percent(measured.skipping),
            percent(measured.asymmetric),
            resamples=None if measured.resamples is None else measured.resamples.astype(np.float32),
            items=measured.items,
        )

    @property
    def key(self) -> Key:
        """The key that the same score of another target has too."""
        return self.suite, self.task, self.metric

    @property
    def ratio(self) -> float | None:
        """Value over the baseline's; ``None`` unless both are defined and the baseline's is positive."""
        base = None if self.baseline is None else self.baseline.value
        return self.value / base if self.value is not None and base is not None and base > 0 else None

    @property
    def p_value(self) -> float | None:
        """Two-sided, of no difference from the baseline; ``None`` unless both are of the same resampled rows."""
        base = self.baseline
        if base is None or self.value is None or base.value is None or self.items != base.items:
            return None
        if self.resamples is None or base.resamples is None:
            return None
        return paired_p_value(self.resamples, base.resamples)

    def reaches(self, at_least: float) -> bool:
        """Whether the value is at least that share of the baseline's (of a baseline ≤ 0: not below it).

        Fidelity always does: its numbers are comparisons with the baseline already.
        """
        if self.suite == "fidelity" or self.baseline is None or self.baseline.value is None:
            return True
        if self.value is None:
            return False
        return self.value >= self.baseline.value if self.ratio is None else self.ratio >= at_least

    def to_json(self) -> dict[str, Any]:
        """The fields that commands print."""
        return {name: getattr(self, name) for name in JSON_NAMES} | {
            "baseline": None if self.baseline is None else self.baseline.value,
            "ratio": self.ratio,
            "p_value": self.p_value,
        }


JSON_NAMES = tuple(each.name for each in fields(Score))[:-4]
"""All fields but ``spread``, since each seed is printed, the baseline, the resamples and the items."""


def beside(scores: Iterable[Score], baseline: Iterable[Score]) -> list[Score]:
    """Attach to each score the baseline's score of the same suite, task and metric."""
    by_key = {score.key: score for score in baseline}
    return [replace(score, baseline=by_key.get(score.key)) for score in scores]


def with_means(scores: Sequence[Score]) -> list[Score]:
    """The scores of each suite, followed by their means: one for each target and metric with several data sets.

    Data sets with a gap are left out, and so are those with a gap on the baseline's side if it has any of them; the
    task says over how many of how many the mean is. The interval comes from averaging the data sets' resamples, that
    is, from resampling within each of them.
    """
    groups: dict[tuple[str, str, str], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.target, score.suite, score.metric), []).append(score)
    means = [_mean(group) for group in groups.values() if len(group) > 1]
    suites = dict.fromkeys((score.target, score.suite) for score in scores)
    return [each for own in suites for each in [*scores, *means] if (each.target, each.suite) == own]


def over_seeds(scores: Sequence[Score]) -> Score:
    """Mean over the runs of one method with several seeds; a gap in one is a gap in all."""

    values = [score.value for score in scores if score.value is not None]
    return replace(
        scores[0],
        value=mean_or_gap([score.value for score in scores]),
        low=mean_or_gap([score.low for score in scores]),
        high=mean_or_gap([score.high for score in scores]),
        value_skipping=mean_or_gap([score.value_skipping for score in scores]),
        value_asymmetric=mean_or_gap([score.value_asymmetric for score in scores]),
        spread=stdev(values) if len(values) == len(scores) > 1 else None,
    )


def mean_or_gap(numbers: Sequence[float | None]) -> float | None:
    """The mean; ``None`` if a number is missing, or all are."""
    known = [number for number in numbers if number is not None]
    return fmean(known) if len(known) == len(numbers) > 0 else None


def percent(value: float | None) -> float | None:
    """A fraction ×100."""
    return None if value is None else 100 * value


def defined(value: float) -> float | None:
    """``None`` for NaN."""
    return None if np.isnan(value) else value


def interval(resamples: NDArray[np.floating] | None) -> tuple[float | None, float | None]:
    """Percentile interval ×100 over the resamples that are defined; ``(None, None)`` if none is."""
    if resamples is None or np.isnan(resamples).all():
        return None, None
    low, high = 100 * np.nanpercentile(resamples, INTERVAL)
    return float(low), float(high)


def _mean(group: Sequence[Score]) -> Score:
    full = [score for score in group if score.value is not None]
    if any(score.baseline is not None for score in group):
        full = [score for score in full if score.baseline is not None and score.baseline.value is not None]
    share = f"{len(full)}" if len(full) == len(group) else f"{len(full)} of {len(group)}"
    bases = [score.baseline for score in full if score.baseline is not None]
    mean = _mean_score(group[0], full, f"mean of {share}")
    return replace(mean, baseline=_mean_score(bases[0], bases, mean.task) if bases else None)


def _mean_score(like: Score, scores: Sequence[Score], task: str) -> Score:
    values = [score.value for score in scores if score.value is not None]
    samples = [score.resamples for score in scores if score.resamples is not None]
    complete = bool(samples) and len(samples) == len(scores)
    resamples: DoubleArray | None = np.stack(samples).mean(axis=0, dtype=np.float64) if complete else None
    measured = Measurement(
        fmean(values) / 100 if values else None,
        sum(score.n_used for score in scores),
        sum(score.n_skipped for score in scores),
        sum(score.oov for score in scores),
        resamples,
        b"".join(score.items for score in scores),
    )
    return replace(
        Score.of((like.suite, task, like.metric), like.target, measured),
        is_mean=True,
        value_skipping=mean_or_gap([score.value_skipping for score in scores]),
        value_asymmetric=mean_or_gap([score.value_asymmetric for score in scores]),
    )
