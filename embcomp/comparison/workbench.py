"""Several methods on one source: bytes, ratios, seconds and scores of each, beside those of the source itself.

What is scored is what a user gets: each method's container is written, opened again, and evaluated.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from embcomp import __version__
from embcomp.comparison.cache import Cache, file_digest, key_of, source_files
from embcomp.comparison.plan import Job, seed_name
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, make_compressor
from embcomp.container import reader, writer
from embcomp.container.reader import describe, open_container, original_bytes, verify
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ParameterError
from embcomp.eval import classification, report, run
from embcomp.eval.datasets import collect
from embcomp.eval.score import Score
from embcomp.eval.target import OovPolicy, Target
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

BASELINE = "none"
"""The method's name in the row of the uncompressed source."""

FIDELITY, CLASSIFICATION = "fidelity", "classification"


@dataclass(frozen=True)
class Result:
    """What one method with one configuration gives.

    Attributes:
        method: its name; ``none`` for the source.
        config: all options by name; ``None`` if nothing reaches the size that was asked for.
        seed_name: the option that is the seed; empty if there is none.
        bits: of code per word; 32 × dimensions for the source.
        sizes: bytes by part, as ``embcomp info`` has them; for the source ``file`` only: a float32 matrix and the
            words, each with one byte more.
        ratio: ``vectors`` and ``file``.
        seconds: ``fit`` and ``encode``; both 0 for the source.
        scores: one per suite, data set and metric, as ``embcomp eval`` prints them.
        means: one per suite and metric: the mean of its data sets, with interval and ratio to the source.
        rows, dim: of the source.
        report: what the fit says of itself, as ``embcomp info`` has it; empty for the source.
        note: for people.
    """

    method: str
    config: dict[str, Any] | None
    bits: int | None = None
    sizes: dict[str, int] | None = None
    ratio: dict[str, float] | None = None
    seconds: dict[str, float] | None = None
    scores: list[dict[str, Any]] = field(default_factory=list)
    means: list[dict[str, Any]] = field(default_factory=list)
    sha256: str = ""
    rows: int | None = None
    dim: int | None = None
    report: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    label: str = ""
    key: str = ""
    seed_name: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields that ``compare --json`` prints."""
        return {
            "method": self.method,
            "config": self.config,
            "bits_per_vector": self.bits,
            "bytes": self.sizes,
            "ratio": self.ratio,
            "seconds": self.seconds,
            "scores": self.scores,
            "means": self.means,
            "sha256": self.sha256,
            "rows": self.rows,
            "dim": self.dim,
            "report": self.report,
            "note": self.note,
        }

    @property
    def group(self) -> tuple[str, str]:
        """What runs that differ in their seed only have in common."""
        return self.method, str(sorted(self.options.items())) if self.config is not None else self.note

    @property
    def options(self) -> dict[str, Any]:
        """The config without the seed."""
        return {name: value for name, value in (self.config or {}).items() if name != self.seed_name}

    @property
    def seed(self) -> int | None:
        """Where the method has one."""
        return (self.config or {}).get(self.seed_name)


@dataclass(frozen=True)
class Evaluation:
    """What every method is scored on."""

    suites: Sequence[str] | None = None
    """Names; ``None`` for all that have data."""
    data_dir: Path | None = None
    oov: OovPolicy = "mean"
    seed: int = 0
    """Of bootstrap and k-means; the same for all methods and all their seeds."""


class Workbench:
    """One source, and what has been done with it so far."""

    def __init__(self, embedding: Embedding, evaluation: Evaluation, cache: Cache) -> None:
        self.embedding = embedding
        self.evaluation = evaluation
        self.cache = cache
        self.suites = suites_with_data(evaluation)

    def compare(self, jobs: Sequence[Job], progress: Progress = no_progress) -> list[Result]:
        """Run all jobs; the first result is the source's own.

        ``progress`` is told what is being done, and how many steps of how many are behind.
        """
        for method in {job.method: None for job in jobs}:
            _method_code(compressor_class(method))  # now, since hours later files may say what does not run
        n_steps = len(self.suites) + 1
        total = n_steps * (len(jobs) + 1)
        baseline = self._baseline(_Steps(progress, BASELINE, 0, total))
        results = [baseline]
        for number, job in enumerate(jobs, start=1):
            steps = _Steps(progress, label(job.method, job.config), number * n_steps, total)
            results.append(self._run(job, baseline, steps))
        progress("done", total, total)
        return results

    def container(self, job: Job, progress: Progress = no_progress) -> tuple[Path, dict[str, Any]]:
        """Return the job's container, made if it is not there yet, and what is known of it."""
        compressor = make_compressor(job.method, **(job.config or {}))
        key = self._container_key(compressor)
        path = self.cache.path(key, ".embc")
        known = self.cache.load(key)
        if known is not None and path.is_file() and not verify(path):
            return path, known
        seconds = self._compress(compressor, path, progress)
        known = describe(path) | {"seconds": seconds, "sha256": file_digest_of(path)}
        self.cache.store(key, known)
        return path, known

    def _run(self, job: Job, baseline: Result, steps: _Steps) -> Result:
        if job.config is None:
            return Result(job.method, None, note=job.note, label=job.method)
        key = self._container_key(make_compressor(job.method, **job.config))
        known = self.cache.load(key)
        steps.start("compress")
        if known is None:
            _, known = self.container(job, steps.inner)
        scores = self._scores(job, key, steps)
        return Result(
            method=job.method,
            config=job.config,
            bits=known["bits_per_vector"],
            sizes=known["bytes"],
            ratio=known["ratio"],
            seconds=known["seconds"],
            scores=scores,
            means=with_ratios(suite_means(scores), scores, baseline.scores),
            sha256=known["sha256"],
            rows=known["rows"],
            dim=known["dim"],
            report=known["report"],
            note=job.note,
            label=label(job.method, job.config),
            seed_name=seed_name(job.method) or "",
            key=key,
        )

    def _baseline(self, steps: _Steps) -> Result:
        steps.start("read")
        scores = self._scores(None, key_of(self._content, self.embedding.source.to_json()), steps)
        utf8_bytes = len("".join(self.embedding.words).encode())
        n_bytes = sum(original_bytes(len(self.embedding), utf8_bytes, self.embedding.dim))
        return Result(
            method=BASELINE,
            config={},
            bits=32 * self.embedding.dim,
            sizes={"file": n_bytes},
            ratio={"vectors": 1.0, "file": 1.0},
            seconds={"fit": 0.0, "encode": 0.0},
            scores=scores,
            means=with_ratios(suite_means(scores), scores, scores),
            sha256=self.embedding.source.sha256,
            rows=len(self.embedding),
            dim=self.embedding.dim,
            label="uncompressed",
        )

    def _scores(self, job: Job | None, key: str, steps: _Steps) -> list[dict[str, Any]]:
        """Scores of all suites, each from the cache if it is there; the target is opened if it is needed."""
        target: Target | None = None
        name = BASELINE if job is None else job.method
        rows: list[dict[str, Any]] = []
        for suite, data in self.suites.items():
            steps.start(suite)
            suite_key = key_of("scores", key, suite, data, self.evaluation.oov, self.evaluation.seed, _eval_code())
            found = self.cache.load(suite_key)
            if found is None:
                if target is None:
                    target = self.embedding if job is None else open_container(self.container(job)[0])
                found = _documents(self._evaluate(target, name, suite, steps))
                self.cache.store(suite_key, found)
            rows += found
        return rows

    def _evaluate(self, target: Target, name: str, suite: str, steps: _Steps) -> list[Score]:
        how = self.evaluation
        source = self.embedding if suite == FIDELITY else None
        return run.evaluate(target, name, [suite], how.data_dir, how.oov, how.seed, steps.inner, baseline=source)

    def _compress(self, compressor: Compressor, path: Path, progress: Progress) -> dict[str, float]:
        vectors = self.embedding.vectors
        start = time.perf_counter()
        if compressor.learns_codes:
            codes = compressor.fit_encode(vectors, progress=progress)
            fitted = time.perf_counter()
        else:
            compressor.fit(vectors, progress)
            fitted = time.perf_counter()
            codes = compressor.encode(vectors, progress)
        seconds = {"fit": round(fitted - start, 3), "encode": round(time.perf_counter() - fitted, 3)}
        encoded = EncodedEmbedding.from_codes(self.vocabulary, codes, compressor, self.embedding.source)
        writer.save(encoded, path, force=True)
        return seconds

    def _container_key(self, compressor: Compressor) -> str:
        """Whatever the container depends on; the number goes up when what is kept beside it changes."""
        source = self.embedding.source.to_json()
        code = _method_code(type(compressor))
        method = [compressor.name, compressor.get_config(), code]
        return key_of("container 1", __version__, self._content, source, method)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The source's words, as containers store them."""
        return Vocabulary.build(self.embedding.words)

    @cached_property
    def _content(self) -> str:
        """SHA-256 of words and vectors: what a source comes to, however it was stored and read."""
        total = hashlib.sha256("\0".join(self.embedding.words).encode("utf-8", "surrogatepass"))
        total.update(np.ascontiguousarray(self.embedding.vectors).data)
        return total.hexdigest()


def label(method: str, config: dict[str, Any] | None) -> str:
    """The method and those of its options that are not the defaults, without the seed."""
    if config is None:
        return method
    defaults = compressor_class(method).defaults()
    seed = seed_name(method)
    given = [f"{name}={value}" for name, value in config.items() if value != defaults[name] and name != seed]
    return " ".join([method, *given])


def suites_with_data(evaluation: Evaluation) -> dict[str, str]:
    """The suites to run, each with the SHA-256 of its data.

    Raises:
        ParameterError: a suite does not exist, or has no data.
    """
    sets: dict[str, list[Any]] = {}
    for each in collect(evaluation.data_dir):
        sets.setdefault(each.suite, []).append({name: _plain(value) for name, value in vars(each).items()})
    sets[FIDELITY] = []  # compares with the source, and needs nothing else
    for suite in evaluation.suites or ():
        if suite not in run.SUITES:
            raise ParameterError(f"--suite must be one of {', '.join(run.SUITES)}, got {suite!r}")
        if suite not in sets:
            raise ParameterError(f"suite {suite!r} has no data set: give a folder with one (--data)")
        if suite == CLASSIFICATION and not classification.is_available():
            raise ParameterError(classification.HOW_TO_INSTALL)
    chosen = evaluation.suites or [suite for suite in run.SUITES if suite in sets and _is_available(suite)]
    return {suite: key_of(*sets[suite]) for suite in chosen}


def left_out(evaluation: Evaluation) -> list[str]:
    """Why suites that have data do not run although nobody chose among them."""
    present = {each.suite for each in collect(evaluation.data_dir)}
    if evaluation.suites is None and CLASSIFICATION in present and not _is_available(CLASSIFICATION):
        return [classification.HOW_TO_INSTALL]
    return []


def _is_available(suite: str) -> bool:
    return suite != CLASSIFICATION or classification.is_available()


def suite_means(scores: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means that were stored with the scores, and for a suite of one data set its score."""
    means = [score for score in scores if score["task"].startswith("mean of")]
    have = {(score["suite"], score["metric"]) for score in means}
    singles = [score for score in scores if (score["suite"], score["metric"]) not in have]
    return means + singles


def with_ratios(
    means: Iterable[dict[str, Any]], scores: Sequence[dict[str, Any]], baseline: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Add to each mean its ratio to the baseline's, over the data sets on which both have a value."""
    base = {(row["suite"], row["task"], row["metric"]): row["value"] for row in baseline}
    out = []
    for mean in means:
        pairs = [
            (row["value"], base.get((row["suite"], row["task"], row["metric"])))
            for row in scores
            if (row["suite"], row["metric"]) == (mean["suite"], mean["metric"])
            and not row["task"].startswith("mean of")
        ]
        both = [(value, reference) for value, reference in pairs if value is not None and reference is not None]
        ours, theirs = sum(value for value, _ in both), sum(reference for _, reference in both)
        out.append(mean | {"ratio": ours / theirs if theirs > 0 else None})
    return out


def file_digest_of(path: Path) -> str:
    """SHA-256 of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Steps:
    """One job's part of the whole: passes on what is being done, with the steps before it."""

    def __init__(self, progress: Progress, name: str, behind: int, total: int) -> None:
        self._progress, self._name, self._behind, self._total = progress, name, behind - 1, total

    def start(self, what: str) -> None:
        """The next step begins."""
        self._behind += 1
        self._progress(f"{self._name}: {what}", self._behind, self._total)

    def inner(self, stage: str, done: int, total: int, note: str = "", /) -> None:
        """Within a step."""
        share = f" {100 * done // total} %" if total else ""
        self._progress(f"{self._name}: {stage}{share}", self._behind, self._total, note)


def _documents(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Scores and suite means as JSON."""
    means = report.suite_means(report.compare(scores, []))
    return [score.to_json() | {"note": score.note} for score in [*scores, *(row.score for row in means)]]


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


@cache
def _method_code(kind: type[Compressor]) -> str:
    """Digest of the source that makes and opens a method's containers: what changes there is not found in the cache.

    Read once, and before anything runs, as the code that runs is that of the process's start.
    """
    classes = (base.__module__ for base in kind.__mro__ if issubclass(base, Compressor))
    return file_digest(source_files([*classes, writer.__name__, reader.__name__]).values())


@cache
def _eval_code() -> str:
    """The same of the suites."""
    return file_digest(source_files([run.__name__, report.__name__]).values())
