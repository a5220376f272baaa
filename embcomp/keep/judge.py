"""How much of the source's quality vectors keep, and how surely.

Of each suite counts its first metric, in the mean over its data sets: the *share* is its ratio to the source's, on
the same rows and resamples. The *lower bound* of a share is the 2.5th percentile of the ratios on 1,000 paired
bootstrap resamples. Fidelity compares with the source already: its share is its value. What is kept of all is the
least lower bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embcomp.errors import ParameterError
from embcomp.eval.run import Chosen, measure
from embcomp.eval.score import INTERVAL, Score, beside, with_means
from embcomp.eval.suite import Settings, Suite
from embcomp.eval.target import Target

FIDELITY = "fidelity"
FEW_RESAMPLES = 250
"""Of the bootstrap while files are searched for: the first ones of all."""

TargetFor = Callable[[Suite], Target]
"""What to measure a suite on."""


@dataclass(frozen=True)
class Share:
    """What is kept of one suite.

    Attributes:
        suite, metric: names.
        task: the data set, or of how many sets this is the mean.
        value, source: of the vectors and of the source, ×100.
        share: value over source.
        low: lower bound of the share.
    """

    suite: str
    metric: str
    task: str
    value: float
    source: float
    share: float
    low: float

    def to_json(self) -> dict[str, Any]:
        """The fields, rounded: what goes into a file's report."""
        return {name: each if isinstance(each, str) else round(each, 4) for name, each in vars(self).items()}


class Judge:
    """Knows the source's own scores, and compares others with them."""

    def __init__(
        self,
        chosen: Chosen,
        source_for: TargetFor,
        settings: Settings,
        *,
        only_covered: bool = False,
    ) -> None:
        """Score the source.

        Args:
            chosen: suites and their data sets.
            source_for: gives the source for a suite, all of it or its sample.
            settings: of all scores.
            only_covered: leave out suites with more missing words than rows, rather than judge by their noise.

        Raises:
            ParameterError: a suite has no score of the source that one could keep a share of, or none is left.
        """
        self._settings = settings
        self._source_for = source_for
        self._sets = {suite.name: sets for suite, sets in chosen}
        self._base = {suite.name: self._measure(suite, source_for(suite), settings) for suite, _ in chosen}
        self.chosen = [each for each in chosen if not only_covered or self._covers(each[0])]
        if not self.chosen:
            raise ParameterError("`keep` needs a suite of which the source has the words: name it with `suites`")
        for suite, _ in self.chosen:
            self._require_score(suite)

    def shares(self, target_for: TargetFor, *, roughly: bool = False) -> list[Share]:
        """What is kept of each suite by what ``target_for`` gives; ``roughly``: with few resamples."""
        settings = replace(self._settings, n_resamples=FEW_RESAMPLES) if roughly else self._settings
        return [self._share(suite, self._measure(suite, target_for(suite), settings)) for suite, _ in self.chosen]

    def _measure(self, suite: Suite, target: Target, settings: Settings) -> list[Score]:
        baseline = self._source_for(suite) if suite.name == FIDELITY else None
        return measure(target, "", [(suite, self._sets[suite.name])], replace(settings, baseline=baseline))

    def _share(self, suite: Suite, scores: list[Score]) -> Share:
        score = _first(suite, beside(scores, self._base[suite.name]))
        resamples, value, base = _resamples(score), score.value, score.baseline
        source = 100.0 if suite.name == FIDELITY or base is None else base.value
        if value is None or source is None or resamples is None:
            return Share(suite.name, score.metric, score.task, math.nan, source or math.nan, 0.0, -math.inf)
        whole = np.ones(1) if suite.name == FIDELITY or base is None else _resamples(base)[: len(resamples)]
        low = float(np.nanpercentile(resamples / whole, INTERVAL[0]))
        return Share(suite.name, score.metric, score.task, value, source, value / source, low)

    def _covers(self, suite: Suite) -> bool:
        own = [score for score in self._base[suite.name] if score.metric == suite.metrics[0]]
        used = sum(score.n_used for score in own)
        known = used > 0 and sum(score.oov for score in own) <= used
        return suite.name == FIDELITY or (known and all(score.value is not None for score in own))

    def _require_score(self, suite: Suite) -> None:
        if suite.name == FIDELITY:
            return
        score = _first(suite, self._base[suite.name])
        if score.value is None or score.value <= 0:
            reason = f": {score.note}" if score.note else ""
            raise ParameterError(
                f"suite {suite.name!r}: the source must have a score above 0, got {score.value}{reason}"
            )


def kept(shares: Sequence[Share]) -> float:
    """The least lower bound."""
    return min((share.low for share in shares), default=-math.inf)


def _first(suite: Suite, scores: Sequence[Score]) -> Score:
    """The mean over the data sets of the suite's first metric, or the only score."""
    own = [score for score in with_means(scores) if score.metric == suite.metrics[0]]
    return next((score for score in own if score.is_mean), own[0])


def _resamples(score: Score) -> Any:
    return None if score.resamples is None else score.resamples.astype(np.float64)
