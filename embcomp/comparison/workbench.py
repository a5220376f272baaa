"""Several methods on one source: bytes, ratios, seconds and scores of each, compared with the source itself.

Scores are those that a user gets: each method's container is written, opened again, and evaluated.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from embcomp import __version__
from embcomp.codes import encode_codes, fit_codes
from embcomp.comparison.cache import Cache, code_of, key_of
from embcomp.comparison.plan import Job, seed_name
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, make_compressor
from embcomp.container import writer
from embcomp.container.description import describe, original_bytes
from embcomp.container.reader import open_container, verify
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.eval import run
from embcomp.eval.score import Score, beside, with_means
from embcomp.eval.suite import Settings, Suite, attempt
from embcomp.eval.target import OovPolicy, Target
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

HIDDEN = ("label", "key", "seed_name")
"""Fields of a result that are not printed."""
BASELINE = "none"
"""The method's name in the row of the uncompressed source."""


@dataclass(frozen=True)
class Result:
    """What one method with one configuration gives.

    Attributes:
        method: its name; ``none`` for the source.
        config: all options by name; ``None`` if nothing reaches the size that was asked for.
        bits_per_vector: of code, on average; 32 × dimensions for the source.
        bytes: by part, as ``embcomp info`` has them; for the source ``file`` only: a float32 matrix and the words,
            each with one byte more.
        ratio: ``vectors`` and ``file``.
        seconds: ``fit`` and ``encode``; both 0 for the source.
        scores: one per suite, data set and metric, beside the source's; followed in each suite by its means.
        sha256: of the container, or the source.
        rows, dim: of the source.
        report: facts about the fit, as in ``embcomp info``; empty for the source.
        note: for people.
        label: the method with those of its options that are not the defaults.
        key: of its container in the cache.
        seed_name: the option that is the seed; empty if there is none.
    """

    method: str
    config: dict[str, Any] | None
    bits_per_vector: float | None = None
    bytes: dict[str, int] | None = None
    ratio: dict[str, float] | None = None
    seconds: dict[str, float] | None = None
    scores: list[Score] = field(default_factory=list)
    sha256: str = ""
    rows: int | None = None
    dim: int | None = None
    report: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    label: str = ""
    key: str = ""
    seed_name: str = ""

    @property
    def means(self) -> list[Score]:
        """One score per suite and metric: the mean of its data sets, or its only one."""
        averaged = {(score.suite, score.metric) for score in self.scores if score.is_mean}
        return [score for score in self.scores if score.is_mean or (score.suite, score.metric) not in averaged]

    @property
    def group(self) -> tuple[str, str]:
        """The key of runs that differ in their seed only."""
        return self.method, self.note if self.config is None else str(sorted(self.options.items()))

    @property
    def options(self) -> dict[str, Any]:
        """The config without the seed."""
        return {name: value for name, value in (self.config or {}).items() if name != self.seed_name}

    @property
    def seed(self) -> int | None:
        """Where the method has one."""
        return (self.config or {}).get(self.seed_name)

    def to_json(self) -> dict[str, Any]:
        """The fields that ``compare --json`` prints."""
        shown = {name: value for name, value in vars(self).items() if name not in HIDDEN}
        return shown | {name: [each.to_json() for each in getattr(self, name)] for name in ("scores", "means")}


@dataclass(frozen=True)
class Evaluation:
    """What every method is scored on.

    Attributes:
        chosen: suites and their data sets.
        oov: what stands for a missing word.
        seed: of bootstrap and k-means; the same for all methods and all their seeds.
    """

    chosen: run.Chosen
    oov: OovPolicy = "mean"
    seed: int = 0

    @cached_property
    def data(self) -> dict[str, str]:
        """SHA-256 of each suite's data."""
        return {suite.name: key_of([[each.name, each.rows] for each in data]) for suite, data in self.chosen}

    @property
    def missing(self) -> list[str]:
        """What is not installed, though suites that are to run need it."""
        return [
            f"suite {suite.name!r} needs {reason}"
            for suite, _ in self.chosen
            if (reason := attempt(suite, suite.missing))
        ]


class Workbench:
    """One source, and the results for it so far."""

    def __init__(self, embedding: Embedding, evaluation: Evaluation, cache: Cache) -> None:
        self.embedding = embedding
        self.evaluation = evaluation
        self.cache = cache

    def compare(self, jobs: Sequence[Job], progress: Progress = no_progress) -> list[Result]:
        """Run all jobs; the first result is the source's own.

        ``progress`` is called with the current step, and how many steps of how many are done.
        """
        for job in jobs:
            _code_of(compressor_class(job.method))  # now: hours later the files may differ from the code that runs
        for suite, _ in self.evaluation.chosen:
            _code_of(suite)
        n_steps = len(self.evaluation.chosen) + 1
        total = n_steps * (len(jobs) + 1)
        results = [self._baseline(_Steps(progress, BASELINE, 0, total))]
        for number, job in enumerate(jobs, start=1):
            steps = _Steps(progress, label(job.method, job.config), number * n_steps, total)
            results.append(self._run(job, results[0].scores, steps))
        progress("done", total, total)
        return results

    def container(self, job: Job, progress: Progress = no_progress) -> tuple[Path, dict[str, Any]]:
        """Return the job's container, made if it is not cached, and its facts."""
        compressor = make_compressor(job.method, **(job.config or {}))
        key = self._container_key(compressor)
        path = self.cache.path(key, ".embc")
        known = self.cache.load(key)
        if known is not None and path.is_file() and not verify(path):
            return path, known
        seconds = self._compress(compressor, path, progress)
        with path.open("rb") as file:
            known = describe(path) | {"seconds": seconds, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        self.cache.store(key, known)
        return path, known

    def _run(self, job: Job, baseline: Sequence[Score], steps: _Steps) -> Result:
        if job.config is None:
            return Result(job.method, None, note=job.note, label=job.method)
        key = self._container_key(make_compressor(job.method, **job.config))
        known = self.cache.load(key)
        steps.start("compress")
        if known is None:
            _, known = self.container(job, steps.inner)
        names = ("bits_per_vector", "bytes", "ratio", "seconds", "sha256", "rows", "dim", "report")
        return Result(
            job.method,
            job.config,
            **{name: known[name] for name in names},
            scores=with_means(beside(self._scores(job, key, steps), baseline)),
            note=job.note,
            label=label(job.method, job.config),
            key=key,
            seed_name=seed_name(job.method) or "",
        )

    def _baseline(self, steps: _Steps) -> Result:
        steps.start("read")
        source, n_rows, dim = self.embedding.source, len(self.embedding), self.embedding.dim
        scores = self._scores(None, key_of(self._content, source.to_json()), steps)
        utf8_bytes = len("".join(self.embedding.words).encode())
        return Result(
            BASELINE,
            {},
            32 * dim,
            {"file": sum(original_bytes(n_rows, utf8_bytes, dim))},
            {"vectors": 1.0, "file": 1.0},
            {"fit": 0.0, "encode": 0.0},
            with_means(beside(scores, scores)),
            source.sha256,
            n_rows,
            dim,
            label="uncompressed",
        )

    def _scores(self, job: Job | None, key: str, steps: _Steps) -> list[Score]:
        """Scores of all suites, each from the cache if it is there; the target is opened if it is needed."""
        target: Target | None = None
        name = BASELINE if job is None else job.method
        how = self.evaluation
        scores: list[Score] = []
        for suite, data in how.chosen:
            steps.start(suite.name)
            what = suite.name, how.data[suite.name], how.oov, how.seed, attempt(suite, suite.missing), _code_of(suite)
            own = key_of("scores", key, *what)
            stored = self.cache.load(own)
            if stored is None:
                if target is None:
                    target = self.embedding if job is None else open_container(self.container(job)[0])
                settings = Settings(how.oov, how.seed, baseline=self.embedding, progress=steps.inner)
                stored = [_stored(score) for score in run.measure(target, name, [(suite, data)], settings)]
                self.cache.store(own, stored)
            scores += [_restored(document) for document in stored]
        return scores

    def _compress(self, compressor: Compressor, path: Path, progress: Progress) -> dict[str, float]:
        vectors = self.embedding.vectors
        start = time.perf_counter()
        if compressor.learns_codes:
            codes = fit_codes(compressor, vectors, progress)
            fitted = time.perf_counter()
        else:
            compressor.fit(vectors, progress)
            fitted = time.perf_counter()
            codes = encode_codes(compressor, vectors, progress)
        seconds = {"fit": round(fitted - start, 3), "encode": round(time.perf_counter() - fitted, 3)}
        encoded = EncodedEmbedding.from_codes(self.vocabulary, codes, compressor, self.embedding.source)
        writer.save(encoded, path, force=True)
        return seconds

    def _container_key(self, compressor: Compressor) -> str:
        """Everything that the container depends on; the number changes with the format of the entry."""
        method = [compressor.name, compressor.get_config(), _code_of(type(compressor))]
        return key_of("container 1", __version__, self._content, self.embedding.source.to_json(), method)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The source's words, as containers store them."""
        return Vocabulary.build(self.embedding.words)

    @cached_property
    def _content(self) -> str:
        """SHA-256 of words and vectors, independent of the format of the source."""
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


class _Steps:
    """One job's part of the whole: passes on what is being done, with the steps before it."""

    def __init__(self, progress: Progress, name: str, behind: int, total: int) -> None:
        self._progress, self._name, self._behind, self._total = progress, name, behind - 1, total

    def start(self, what: str) -> None:
        """Begin the next step."""
        self._behind += 1
        self._progress(f"{self._name}: {what}", self._behind, self._total)

    def inner(self, stage: str, done: int, total: int, note: str = "", /) -> None:
        """Within a step."""
        share = f" {100 * done // total} %" if total else ""
        self._progress(f"{self._name}: {stage}{share}", self._behind, self._total, note)


def _stored(score: Score) -> dict[str, Any]:
    """A score as JSON, whole: resamples as float32, little-endian."""
    samples = None if score.resamples is None else b64encode(score.resamples.astype("<f4").tobytes()).decode()
    return vars(score) | {"resamples": samples, "items": score.items.hex()}


def _restored(stored: dict[str, Any]) -> Score:
    samples = None if stored["resamples"] is None else np.frombuffer(b64decode(stored["resamples"]), dtype="<f4")
    return Score(**stored | {"resamples": samples, "items": bytes.fromhex(stored["items"])})


def _code_of(part: type[Compressor] | Suite) -> list[str]:
    """Digests of the code that a method's containers or a suite's scores depend on: our own, and its package's."""
    origin = part.plan or part.measure if isinstance(part, Suite) else part
    return [code_of(package) for package in ("embcomp", origin.__module__.partition(".")[0])]
