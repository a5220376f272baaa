"""Run suites on a target: what to expect is listed first, so that a gap in the results shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embcomp.errors import ParameterError
from embcomp.eval import categorization, similarity
from embcomp.eval.datasets import DataSet, collect
from embcomp.eval.score import Measurement, Score
from embcomp.eval.target import OovPolicy, Target, check_oov
from embcomp.progress import Progress, no_progress

Key = tuple[str, str, str]
"""Suite, task, metric."""


@dataclass(frozen=True)
class Settings:
    """What all suites of one run have in common."""

    oov: OovPolicy = "mean"
    seed: int = 0


Measure = Callable[[Target, Any, Settings], dict[str, Measurement]]


@dataclass(frozen=True)
class Suite:
    """A kind of data set, the metrics it gives, and the function that computes them."""

    metrics: tuple[str, ...]
    measure: Measure


def _similarity(target: Target, data: Any, settings: Settings) -> dict[str, Measurement]:
    return {"spearman": similarity.measure_similarity(target, data, settings.oov, settings.seed)}


def _categorization(target: Target, data: Any, settings: Settings) -> dict[str, Measurement]:
    return {"purity": categorization.measure_categorization(target, data, settings.oov, settings.seed)}


SUITES = {
    "similarity": Suite(similarity.METRICS, _similarity),
    "categorization": Suite(categorization.METRICS, _categorization),
}


def evaluate(
    target: Target,
    name: str,
    suites: Iterable[str] | None = None,
    data_dir: Path | str | None = None,
    oov: OovPolicy = "mean",
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[Score]:
    """Score a target on every data set of the suites.

    Args:
        target: anything with words and vectors.
        name: goes into each score.
        suites: names out of :data:`SUITES`; ``None`` means all that have data.
        data_dir: a folder of data sets besides the built-in ones (see :mod:`embcomp.eval.datasets`).
        oov: what stands for a missing word: the ``mean`` vector, or nothing (``skip`` its row).
        seed: of bootstrap and k-means.
        progress: called before each data set.

    Returns:
        One score per suite, data set and metric, in that order; a value of ``None`` is a gap, with a note.

    Raises:
        ParameterError: a suite does not exist or has no data, or ``oov`` is not allowed.
        InputError: a data set cannot be read.
    """
    check_oov(oov)
    data = _select(collect(data_dir), suites)
    settings = Settings(oov, seed)
    measured: dict[Key, Measurement] = {}
    for done, each in enumerate(data):
        progress(f"{each.suite} {each.name}", done, len(data))
        results = SUITES[each.suite].measure(target, each, settings)
        measured |= {(each.suite, each.name, metric): found for metric, found in results.items()}
    progress("done", len(data), len(data))
    missing = Measurement(None, 0, note="not computed")
    return [Score.of(key, name, measured.get(key, missing)) for key in expected(data)]


def expected(data: Sequence[DataSet]) -> list[Key]:
    """What a complete result holds."""
    return [(each.suite, each.name, metric) for each in data for metric in SUITES[each.suite].metrics]


def _select(data: Sequence[DataSet], suites: Iterable[str] | None) -> list[DataSet]:
    if suites is None:
        return [each for each in data if each.suite in SUITES]
    wanted = list(suites)
    for suite in wanted:
        if suite not in SUITES:
            raise ParameterError(f"The suite must be one of {', '.join(SUITES)}, got {suite!r}")
        if not any(each.suite == suite for each in data):
            raise ParameterError(f"suite {suite!r} has no data set: give a folder with one (--data)")
    return [each for each in data if each.suite in wanted]
