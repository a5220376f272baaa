"""Run suites on a target. Expected results are listed first, so that gaps in the results are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from embcomp.errors import ParameterError
from embcomp.eval.datasets import collect
from embcomp.eval.score import Measurement, Score, beside
from embcomp.eval.suite import SUITES, DataSet, Settings, Suite, all_suites, attempt
from embcomp.eval.target import Target

Chosen = Sequence[tuple[Suite, Sequence[DataSet]]]
"""Suites in order, each with its data sets."""


def choose(names: Iterable[str] | None, data_dir: Path | str | None, *, has_baseline: bool) -> Chosen:
    """Suites with their data sets; ``None`` stands for all suites that there is something to measure on.

    Raises:
        ParameterError: a suite that was asked for does not exist, or something that it needs is missing.
        InputError: a data set cannot be read.
    """
    known = all_suites()
    data = collect(data_dir, known)
    sets = {name: [each for each in data if each.suite == name] for name in known}
    ready = {name for name, suite in known.items() if (has_baseline if suite.needs_baseline else sets[name])}
    wanted = list(ready if names is None else names)
    for name in wanted:
        if name not in ready:
            suite = known.get(name) or SUITES.get(name)  # which says why there is none
            if suite.needs_baseline:
                raise ParameterError(f"suite {name!r} compares with a baseline: give one (`baseline`)")
            raise ParameterError(f"suite {name!r} has no data set: give a folder that has one (`data_dir`)")
        reason = attempt(known[name], known[name].missing)
        if reason and names is not None:
            raise ParameterError(f"suite {name!r} needs {reason}")
    return [(suite, sets[name]) for name, suite in known.items() if name in wanted]


def measure(target: Target, name: str, chosen: Chosen, settings: Settings) -> list[Score]:
    """Score a target, called ``name``, on what was chosen: one score for each result to expect."""
    jobs = [
        (suite, job)
        for suite, data in chosen
        for job in attempt(suite, partial(suite.jobs, target, data, settings)) or ()
    ]
    scores = []
    for done, (suite, job) in enumerate(jobs):
        settings.progress(job.name, done, len(jobs))
        reason = attempt(suite, suite.missing)
        found = (None if reason else attempt(suite, job.run)) or {}
        gap = Measurement(None, 0, note=f"suite {suite.name!r} needs {reason}" if reason else "not computed")
        scores += [Score.of((suite.name, *key), name, found.get(key, gap)) for key in job.keys]
    settings.progress("done", len(jobs), len(jobs))
    return scores


def score(targets: Iterable[tuple[str, Target]], chosen: Chosen, settings: Settings) -> list[Score]:
    """Score targets, each with its name, and beside them the baseline, if there is one."""
    base = [] if settings.baseline is None else measure(settings.baseline, "", chosen, settings)
    return beside([each for name, target in targets for each in measure(target, name, chosen, settings)], base)
