"""Run suites on a target: what to expect is listed first, so that a gap in the results shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from embcomp.checks import Integer
from embcomp.errors import ParameterError
from embcomp.eval import analogy, categorization, classification, fidelity, similarity
from embcomp.eval.datasets import AnalogySet, CategorizationSet, DataSet, SimilaritySet, collect
from embcomp.eval.score import Measurement, Score
from embcomp.eval.target import OovPolicy, Target, check_oov
from embcomp.progress import Progress, no_progress

Key = tuple[str, str, str]
"""Suite, task, metric."""

SUITES = {
    "similarity": similarity.METRICS,
    "categorization": categorization.METRICS,
    "analogy": analogy.METRICS,
    "classification": classification.METRICS,
    "fidelity": fidelity.METRICS,
}
"""Metrics of each suite."""


@dataclass(frozen=True)
class Settings:
    """What all suites of one run have in common; see :func:`evaluate`."""

    oov: OovPolicy = "mean"
    seed: int = 0
    restrict_vocab: int = analogy.RESTRICT_VOCAB
    progress: Progress = no_progress


@dataclass(frozen=True)
class Job:
    """One computation and the results to expect of it."""

    name: str
    keys: tuple[Key, ...]
    run: Callable[[], dict[Key, Measurement]]


def evaluate(
    target: Target,
    name: str,
    suites: Iterable[str] | None = None,
    data_dir: Path | str | None = None,
    oov: OovPolicy = "mean",
    seed: int = 0,
    progress: Progress = no_progress,
    baseline: Target | None = None,
    restrict_vocab: int = analogy.RESTRICT_VOCAB,
) -> list[Score]:
    """Score a target on every data set of the suites.

    Args:
        target: anything with words and vectors.
        name: goes into each score.
        suites: names out of :data:`SUITES`; ``None`` means all that have data.
        data_dir: a folder of data sets besides the built-in ones (see :mod:`embcomp.eval.datasets`).
        oov: what stands for a missing word in similarity and categorization: the ``mean`` vector, or nothing
            (``skip`` its row). Analogies always skip; in classification a missing word counts as zeros.
        seed: of bootstrap, samples, k-means and networks.
        progress: called before each data set.
        baseline: what ``target`` was made from, for the suite ``fidelity``. A target that is its own baseline
            is not compared with itself: only its isotropy is measured.
        restrict_vocab: how many of the most frequent words take part in analogies.

    Returns:
        One score per suite, data set and metric, in that order; a value of ``None`` is a gap, with a note.

    Raises:
        ParameterError: a suite does not exist, has no data or needs a package that is missing, or a parameter is
            not allowed.
        InputError: a data set cannot be read.
    """
    check_oov(oov)
    if not Integer(1).allows(restrict_vocab):
        raise ParameterError(
            f"The 'restrict_vocab' parameter must be {Integer(1).describe()}, got {restrict_vocab!r}"
        )
    wanted = None if suites is None else _check_suites(suites, has_baseline=baseline is not None)
    jobs = plan(target, collect(data_dir), wanted, baseline, Settings(oov, seed, restrict_vocab, progress))
    measured: dict[Key, Measurement] = {}
    for done, job in enumerate(jobs):
        progress(job.name, done, len(jobs))
        measured |= job.run()
    progress("done", len(jobs), len(jobs))
    missing = Measurement(None, 0, note="not computed")
    return [Score.of(key, name, measured.get(key, missing)) for job in jobs for key in job.keys]


def plan(
    target: Target,
    data: Sequence[DataSet],
    suites: Sequence[str] | None,
    baseline: Target | None,
    settings: Settings,
) -> list[Job]:
    """List what to compute; ``suites`` of ``None`` stands for all that have data.

    Raises:
        ParameterError: a suite that was asked for has no data set.
    """
    present = {each.suite for each in data} | ({"fidelity"} if baseline is not None else set())
    for suite in suites or ():
        if suite not in present:
            raise ParameterError(f"suite {suite!r} has no data set: give a folder with one (--data)")
    chosen = [suite for suite in SUITES if suite in present and (suites is None or suite in suites)]
    jobs = [_data_job(target, each, settings) for suite in chosen for each in data if each.suite == suite]
    if "fidelity" in chosen and baseline is not None:
        jobs.append(_fidelity_job(target, baseline, settings))
    return jobs


def _check_suites(suites: Iterable[str], *, has_baseline: bool) -> list[str]:
    wanted = list(suites)
    for suite in wanted:
        if suite not in SUITES:
            raise ParameterError(f"The suite must be one of {', '.join(SUITES)}, got {suite!r}")
    if "classification" in wanted and not classification.is_available():
        raise ParameterError(classification.HOW_TO_INSTALL)
    if "fidelity" in wanted and not has_baseline:
        raise ParameterError("suite 'fidelity' compares with a baseline: give one (--baseline)")
    return wanted


def _data_job(target: Target, data: DataSet, settings: Settings) -> Job:
    keys = tuple((data.suite, data.name, metric) for metric in SUITES[data.suite])

    def run() -> dict[Key, Measurement]:
        found = _measure(target, data, settings)
        return {(data.suite, data.name, metric): measured for metric, measured in found.items()}

    return Job(f"{data.suite} {data.name}", keys, run)


def _measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    oov, seed = settings.oov, settings.seed
    if isinstance(data, SimilaritySet):
        return {"spearman": similarity.measure_similarity(target, data, oov, seed)}
    if isinstance(data, CategorizationSet):
        return {"purity": categorization.measure_categorization(target, data, oov, seed)}
    if isinstance(data, AnalogySet):
        return analogy.measure_analogies(target, data, settings.restrict_vocab, seed)
    if not classification.is_available():
        return {"accuracy": Measurement(None, 0, len(data.rows), note=classification.HOW_TO_INSTALL)}
    return {"accuracy": classification.measure_classification(target, data, seed)}


def _fidelity_job(target: Target, baseline: Target, settings: Settings) -> Job:
    metrics = ("isotropy",) if target is baseline else fidelity.METRICS
    keys = tuple(("fidelity", band, metric) for band in fidelity.bands(len(baseline)) for metric in metrics)
    measure = partial(fidelity.measure_fidelity, target, baseline, settings.seed, settings.progress)

    def run() -> dict[Key, Measurement]:
        results = measure()
        return {key: results[key[1]][key[2]] for key in keys}

    return Job("fidelity", keys, run)
