"""Fidelity: how far vectors are from those they were made from. Needs no labels, but a baseline.

By frequency band, since rare words suffer first: the words that target and baseline share, in the baseline's order,
the first thousand, ten thousand, a hundred thousand, and the rest. From each band 200 words are sampled as queries
and 2,000 for the rest, everything drawn with the run's seed:

spearman, pearson    correlation of the cosines before and after, over 5,000 pairs of a sampled word of the band and
                     a word of the whole
recall@1, @10, @100  share of a query's nearest neighbours before, by cosine among all shared words, that are still
                     among as many after
error                ‖X̂ − X‖ / ‖X‖ over the sampled words (Frobenius; 0 is best), with what the method subtracted
                     added back; only where dimensions agree
isotropy             I(X̂) of the sampled words [iiq.txt eq. 3 and 4]; the baseline's own is in its own scores

In a band of fewer words than a sample takes, the sample is the band. Targets whose source order was dropped still
compare, as the baseline's order is what counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.eval.neighbours import nearest
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import (
    IntArray,
    bootstrap_mean,
    bootstrap_pearson,
    bootstrap_ratio,
    bootstrap_spearman,
    cosines,
    pearson,
    spearman,
)
from embcomp.eval.suite import Job, Settings, Suite, TaskKey
from embcomp.eval.target import Target
from embcomp.linear import isotropy
from embcomp.progress import Progress, no_progress

DEPTHS = (1, 10, 100)
METRICS = ("spearman", "pearson", *(f"recall@{depth}" for depth in DEPTHS), "error", "isotropy")
BANDS = (("top 1k", 0), ("1k-10k", 1_000), ("10k-100k", 10_000), ("rest", 100_000))

N_QUERIES = 200
N_WORDS = 2_000
N_PAIRS = 5_000


class Band(NamedTuple):
    """Words of like frequency: those of ranks from ``start`` up to ``stop``."""

    name: str
    start: int
    stop: int


def bands(n_words: int) -> list[Band]:
    """The bands of an embedding of so many words."""
    stops = [*(start for _, start in BANDS[1:]), n_words]
    named = zip(BANDS, stops, strict=True)
    return [Band(name, start, min(stop, n_words)) for (name, start), stop in named if start < n_words]


@dataclass(frozen=True)
class Shared:
    """The words that two embeddings share, by rank in the baseline, and their rows in both.

    Attributes:
        ranks: int64, shape (n,), ascending.
        target_rows, baseline_rows: int64, shape (n,).
    """

    ranks: IntArray
    target_rows: IntArray
    baseline_rows: IntArray

    @classmethod
    def of(cls, target: Target, baseline: Target) -> Shared:
        """Match the words exactly as they are written."""
        words = baseline.first_words(len(baseline))
        rows = target.rows(words)
        ranks = np.flatnonzero(rows >= 0)
        return cls(ranks, rows[ranks], baseline.rows(words)[ranks])

    def positions(self, band: Band) -> IntArray:
        """Positions, among the shared words, of those of a band."""
        first, last = np.searchsorted(self.ranks, [band.start, band.stop])
        return np.arange(first, last)


def plan(target: Target, settings: Settings) -> list[Job]:
    """One job for all bands, whose neighbours are looked for together; without a baseline, none."""
    baseline = settings.baseline
    if baseline is None:
        return []
    metrics = ("isotropy",) if target is baseline else METRICS
    keys = [(band.name, metric) for band in bands(len(baseline)) for metric in metrics]
    return [Job("fidelity", keys, partial(measure_fidelity, target, baseline, settings.seed, settings.progress))]


def measure_fidelity(
    target: Target, baseline: Target, seed: int, progress: Progress = no_progress
) -> dict[TaskKey, Measurement]:
    """All metrics of each band: ``{(band, metric): measurement}``.

    ``n_used`` is the number of pairs, queries or words sampled; ``oov`` how many of the band's words the target
    does not have. For a target that is its own baseline, isotropy is all there is.
    """
    shared = Shared.of(target, baseline)
    rng = np.random.default_rng(seed)
    samples = {band.name: _sample(shared, band, rng) for band in bands(len(baseline))}
    if target is baseline:
        return {(name, "isotropy"): _isotropy(target, shared, sample) for name, sample in samples.items()}
    queries = np.concatenate([sample.queries for sample in samples.values()])
    before = nearest(baseline, shared.baseline_rows, queries, max(DEPTHS), progress, "neighbours before")
    after = nearest(target, shared.target_rows, queries, max(DEPTHS), progress, "neighbours after")
    results: dict[TaskKey, Measurement] = {}
    start = 0
    for name, sample in samples.items():
        own = slice(start, start + len(sample.queries))
        found = _measure_band(target, baseline, shared, sample, seed)
        found |= _recalls(before[own], after[own], sample, seed)
        results |= {(name, metric): measured for metric, measured in found.items()}
        start = own.stop
    return results


@dataclass(frozen=True)
class _Sample:
    """What was drawn of a band: positions among the shared words, int64."""

    queries: IntArray
    words: IntArray
    left: IntArray
    right: IntArray
    n_missing: int


def _sample(shared: Shared, band: Band, rng: np.random.Generator) -> _Sample:
    own, n_shared = shared.positions(band), len(shared.ranks)
    n_missing = band.stop - band.start - len(own)
    words = rng.permutation(own)[:N_WORDS]
    if n_shared < 2 or not len(own):
        return _Sample(words[:0], words, words[:0], words[:0], n_missing)
    left = words[rng.integers(len(words), size=N_PAIRS)]
    right = rng.integers(n_shared - 1, size=N_PAIRS)
    right += right >= left  # any word but the one itself
    return _Sample(words[:N_QUERIES], words, left, right, n_missing)


def _measure_band(
    target: Target, baseline: Target, shared: Shared, sample: _Sample, seed: int
) -> dict[str, Measurement]:
    """Everything but recall."""
    before = [baseline.decode_rows(shared.baseline_rows[part]) for part in (sample.words, sample.left, sample.right)]
    after = [target.decode_rows(shared.target_rows[part]) for part in (sample.words, sample.left, sample.right)]
    results = _correlations(cosines(*before[1:]), cosines(*after[1:]), sample.n_missing, seed)
    restored = after[0] if target.offset is None else after[0] + target.offset
    results["error"] = _error(before[0], restored, sample.n_missing, seed)
    results["isotropy"] = _isotropy(target, shared, sample)
    return results


def _isotropy(target: Target, shared: Shared, sample: _Sample) -> Measurement:
    if not len(sample.words):
        return _no_words(sample.n_missing)
    vectors = target.decode_rows(shared.target_rows[sample.words])
    return Measurement(isotropy(vectors), len(vectors), oov=sample.n_missing)


def _correlations(x: DoubleArray, y: DoubleArray, n_missing: int, seed: int) -> dict[str, Measurement]:
    results = {}
    for name, measure, bootstrap in (
        ("spearman", spearman, bootstrap_spearman),
        ("pearson", pearson, bootstrap_pearson),
    ):
        value = measure(x, y)
        if np.isnan(value):
            note = "all cosines are equal" if len(x) else "no two words in common"
            results[name] = Measurement(None, len(x), oov=n_missing, note=note)
        else:
            results[name] = Measurement(value, len(x), 0, n_missing, bootstrap(x, y, seed))
    return results


def _error(before: FloatArray, after: FloatArray, n_missing: int, seed: int) -> Measurement:
    n_words = len(before)
    if before.shape != after.shape:
        note = f"has {after.shape[1]} dimensions, the baseline {before.shape[1]}"
        return Measurement(None, n_words, oov=n_missing, note=note)
    wrong = ((after.astype(np.float64) - before) ** 2).sum(axis=1)
    whole = (before.astype(np.float64) ** 2).sum(axis=1)
    if not whole.any():
        return _no_words(n_missing) if not n_words else Measurement(None, n_words, note="all vectors are zero")
    value = float(np.sqrt(wrong.sum() / whole.sum()))
    resamples = np.sqrt(bootstrap_ratio(wrong, whole, seed))
    return Measurement(value, n_words, 0, n_missing, resamples)


def _recalls(before: IntArray, after: IntArray, sample: _Sample, seed: int) -> dict[str, Measurement]:
    results = {}
    for depth in DEPTHS:
        if not len(before):
            results[f"recall@{depth}"] = _no_words(sample.n_missing)
            continue
        shares = _overlaps(before[:, :depth], after[:, :depth])
        resamples = bootstrap_mean(shares, seed)
        measured = Measurement(float(shares.mean()), len(shares), 0, sample.n_missing, resamples)
        results[f"recall@{depth}"] = measured
    return results


def _overlaps(before: Sequence[IntArray] | IntArray, after: Sequence[IntArray] | IntArray) -> DoubleArray:
    """Share of each row of ``before`` that is in the same row of ``after``, float64, shape (n,)."""
    pairs = zip(before, after, strict=True)
    return np.array([np.isin(old, new).mean() for old, new in pairs], dtype=np.float64)


def _no_words(n_missing: int) -> Measurement:
    return Measurement(None, 0, oov=n_missing, note="no words in common")


SUITE = Suite(
    "fidelity",
    "how far vectors are from those that they were made from, by frequency",
    METRICS,
    needs_baseline=True,
    plan=plan,
)
