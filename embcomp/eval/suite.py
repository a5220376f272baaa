"""Suites: their interface, the table of built-ins, and the entry points of other packages.

A suite measures vectors on one kind of task. Another package adds one by declaring, in its
``pyproject.toml``::

    [project.entry-points."embcomp.suites"]
    mine = "package.module:MINE"

where ``MINE`` is a :class:`Suite` with the same name::

    def read(path):
        return [tuple(line.split("\\t")) for line in path.read_text(encoding="utf-8").splitlines()]

    def measure(target, data, settings):
        found = look_up(target, [word for word, _ in data.rows], settings.oov, average=True)
        return {"accuracy": Measurement(share_right(found.vectors, data.rows), n_used=len(data.rows))}

    MINE = Suite("mine", "one line of text", ("accuracy",), measure, read, folders=("mine",))

Files in the subfolder ``mine`` of a folder of data sets are then its data sets, and ``--suite mine`` runs it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

from embcomp.checks import Integer, OneOf, require
from embcomp.errors import PluginError, PluginWarning
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import N_RESAMPLES
from embcomp.eval.target import OovPolicy, Target
from embcomp.plugins import Registry, guarded
from embcomp.progress import Progress, no_progress

BUILT_IN = {
    "similarity": "embcomp.eval.similarity:SUITE",
    "categorization": "embcomp.eval.categorization:SUITE",
    "analogy": "embcomp.eval.analogy:SUITE",
    "classification": "embcomp.eval.classification:SUITE",
    "sts": "embcomp.eval.sts:SUITE",
    "fidelity": "embcomp.eval.fidelity:SUITE",
}

RESTRICT_VOCAB = 30_000  # word2vec, demo-word-accuracy.sh

Result = TypeVar("Result")
Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class DataSet:
    """A data set: rows of text and numbers, whose columns the suite knows."""

    suite: str
    name: str
    rows: Rows = ()


@dataclass(frozen=True)
class Settings:
    """Settings of one run, common to all suites.

    Attributes:
        oov: what stands for a missing word: the ``mean`` vector, or nothing (``skip`` its row).
        seed: of bootstrap, samples, k-means and networks.
        restrict_vocab: how many of the most frequent words take part in analogies.
        baseline: what the target was made from, or ``None``.
        progress: called during long work.
        first_only: whether the first metric of each suite is all that is wanted; suites may leave out the others.
        n_resamples: of the bootstrap.

    Raises:
        ParameterError: one of them is not allowed.
    """

    oov: OovPolicy = "mean"
    seed: int = 0
    restrict_vocab: int = RESTRICT_VOCAB
    baseline: Target | None = None
    progress: Progress = no_progress
    first_only: bool = False
    n_resamples: int = N_RESAMPLES

    def __post_init__(self) -> None:
        require("oov", self.oov, OneOf(*get_args(OovPolicy)))
        require("restrict_vocab", self.restrict_vocab, Integer(1))


TaskKey = tuple[str, str]
"""Task and metric."""


@dataclass(frozen=True)
class Job:
    """One computation and its expected results; those that are missing are shown as gaps."""

    name: str
    keys: Sequence[TaskKey]
    run: Callable[[], Mapping[TaskKey, Measurement]]


@dataclass(frozen=True)
class Suite:
    """One kind of task.

    Attributes:
        name: the word after ``--suite``.
        summary: one line on what it measures.
        metrics: names of its results; tables that have room for one show the first.
        measure: scores a target on one of its data sets: a :class:`Measurement` for each metric.
        read: reads a file of a folder of data sets; raises ``InputError`` if it is none.
        folders: names of the subfolders, in lower case, whose files ``read`` can read.
        built_in: returns the data sets that need no folder.
        missing: returns what the suite needs and is not installed, and how to install it; empty if nothing is.
        needs_baseline: whether it compares the target with what it was made from.
        plan: for a suite that does not measure one data set at a time: lists its jobs; ``measure`` is then not used.
    """

    name: str
    summary: str
    metrics: Sequence[str]
    measure: Callable[[Target, DataSet, Settings], Mapping[str, Measurement]] | None = None
    read: Callable[[Path], Rows] | None = None
    folders: Sequence[str] = ()
    built_in: Callable[[], Iterable[DataSet]] = tuple  # none
    missing: Callable[[], str] = str  # empty
    needs_baseline: bool = False
    plan: Callable[[Target, Settings], Sequence[Job]] | None = None

    def jobs(self, target: Target, data: Iterable[DataSet], settings: Settings) -> Sequence[Job]:
        """What to compute: a job for each data set, with all metrics, unless the suite has a plan of its own."""
        if self.plan is not None:
            return self.plan(target, settings)

        def run(each: DataSet) -> dict[TaskKey, Measurement]:
            found = self.measure(target, each, settings) if self.measure is not None else {}
            return {(each.name, metric): measured for metric, measured in found.items()}

        return [
            Job(f"{self.name} {each.name}", [(each.name, metric) for metric in self.metrics], partial(run, each))
            for each in data
        ]


def attempt(suite: Suite, call: Callable[[], Result]) -> Result | None:
    """Call a part of a suite; one of another package that fails is named in a warning, and gives ``None``."""
    if suite.name in BUILT_IN:
        return call()
    try:
        with guarded(f"suite {suite.name!r} of another package"):
            return call()
    except PluginError as error:
        warnings.warn(str(error), PluginWarning, stacklevel=2)
        return None


def _judged(loaded: Any) -> Suite:
    if not isinstance(loaded, Suite):
        raise TypeError(f"{loaded!r} is not an embcomp.eval.suite.Suite")
    if loaded.measure is None and loaded.plan is None:
        raise TypeError("it has neither `measure` nor `plan`")
    return loaded


SUITES = Registry("suite", "embcomp.suites", BUILT_IN, _judged)
suite_names, all_suites = SUITES.names, SUITES.all
