"""Fidelity: how far vectors are from those they were made from. Needs no labels, but a baseline.

By frequency band, since rare words suffer first: the words that target and baseline share, in the baseline's order,
the first thousand, then up to ten, thirty and a hundred thousand, and the rest. From each band 200 words are sampled
as queries and 2,000 for what is not about neighbours, everything drawn with the run's seed:

spearman, pearson    correlation of the cosines before and after, over 5,000 pairs of a sampled word of the band and
                     a word of the whole
recall@1, @10, @100  share of a query's nearest neighbours before, by cosine among all shared words, that are still
                     among as many after; asymmetric: where the query is the word's vector before
error                ‖X̂ − X‖ / ‖X‖ over the sampled words (Frobenius; 0 is best), with what the method subtracted
                     added back; only where dimensions agree
isotropy             I(X̂) of the sampled words [Liao 2020, eq. 3-4]; the baseline's own is in its own scores

In a band of fewer words than a sample takes, the sample is the band. Targets whose source order was dropped still
compare, as the baseline's order is what counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.eval.neighbours import nearest
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import (
    N_RESAMPLES,
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
from embcomp.progress import Progress

DEPTHS = (1, 10, 100)
METRICS = ("spearman", "pearson", *(f"recall@{depth}" for depth in DEPTHS), "error", "isotropy")
BANDS = (("top 1k", 0), ("1k-10k", 1_000), ("10k-30k", 10_000), ("30k-100k", 30_000), ("rest", 100_000))

N_QUERIES = 200
N_WORDS = 2_000
N_PAIRS = 5_000


class Band(NamedTuple):
    """Words of similar frequency: those of ranks from ``start`` up to ``stop``."""

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
    metrics = ("isotropy",) if target is baseline else METRICS[:1] if settings.first_only else METRICS
    keys = [(band.name, metric) for band in bands(len(baseline)) for metric in metrics]
    return [Job("fidelity", keys, partial(measure_fidelity, target, baseline, settings))]


def measure_fidelity(target: Target, baseline: Target, settings: Settings) -> dict[TaskKey, Measurement]:
    """All metrics of each band, or the first of each: ``{(band, metric): measurement}``.

    ``n_used`` is the number of pairs, queries or words sampled; ``oov`` how many of the band's words the target
    does not have. For a target that is its own baseline, isotropy is all there is.
    """
    shared, seed, progress = Shared.of(target, baseline), settings.seed, settings.progress
    rng = np.random.default_rng(seed)
    samples = {band.name: _sample(shared, band, rng) for band in bands(len(baseline))}
    if target is baseline:
        return {
            (name, "isotropy"): _isotropy(target.decode_rows(shared.target_rows[sample.words]), sample.n_missing)
            for name, sample in samples.items()
        }
    if settings.first_only:  # which takes no neighbours
        pairs = {name: _cosines(target, baseline, shared, sample) for name, sample in samples.items()}
        first = {name: _spearman(*both, seed, settings.n_resamples) for name, both in pairs.items()}
        return {(name, METRICS[0]): replace(first[name], oov=samples[name].n_missing) for name in samples}
    queries = np.concatenate([sample.queries for sample in samples.values()])
    before = nearest(baseline, shared.baseline_rows, queries, max(DEPTHS), progress, "neighbours before")
    after = _nearest_after(target, baseline, shared, queries, progress)
    results: dict[TaskKey, Measurement] = {}
    start = 0
    for name, sample in samples.items():
        own = slice(start, start + len(sample.queries))
        found = _measure_band(target, baseline, shared, sample, before[own], [each[own] for each in after], seed)
        results |= {(name, metric): found[metric] for metric in METRICS}
        start = own.stop
    return results


def _nearest_after(
    target: Target, baseline: Target, shared: Shared, queries: IntArray, progress: Progress
) -> list[IntArray]:
    """Neighbours of the queries' decoded vectors, and, where dimensions agree, of their vectors before."""
    vectors = [target.decode_rows(shared.target_rows[queries])]
    if target.dim == baseline.dim:
        vectors.append(target.align(baseline.decode_rows(shared.baseline_rows[queries])))
    asked, depth = np.tile(queries, len(vectors)), max(DEPTHS)
    stage = "neighbours after"
    found = nearest(target, shared.target_rows, asked, depth, progress, stage, np.concatenate(vectors))
    return np.split(found, len(vectors))


@dataclass(frozen=True)
class _Sample:
    """What was drawn of a band: positions among the shared words, int64."""

    queries: IntArray
    words: IntArray
    left: IntArray
    right: IntArray
    n_missing: int


def _sample(shared: Shared, band: Band, rng: np.random.Generator) -> _Sample:
    """Draw; with less than two words in common, nothing."""
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
    target: Target,
    baseline: Target,
    shared: Shared,
    sample: _Sample,
    nearest_before: IntArray,
    nearest_after: Sequence[IntArray],
    seed: int,
) -> dict[str, Measurement]:
    n_missing = sample.n_missing
    if not len(sample.queries):
        return dict.fromkeys(METRICS, Measurement(None, 0, oov=n_missing, note="no two words in common"))
    before = baseline.decode_rows(shared.baseline_rows[sample.words])
    after = target.decode_rows(shared.target_rows[sample.words])
    x, y = _cosines(target, baseline, shared, sample)
    restored = after if target.offset is None else after + target.offset
    found = {
        "spearman": _spearman(x, y, seed),
        "pearson": _correlation(pearson(x, y), bootstrap_pearson(x, y, seed), len(x)),
        "error": _error(before, restored, seed),
        "isotropy": _isotropy(after, n_missing),
    }
    for depth in DEPTHS:
        shares, *asymmetric = (_shares_found(nearest_before, each, depth) for each in nearest_after)
        found[f"recall@{depth}"] = Measurement(
            float(shares.mean()),
            len(shares),
            resamples=bootstrap_mean(shares, seed),
            asymmetric=float(asymmetric[0].mean()) if asymmetric else None,
        )
    return {metric: replace(measured, oov=n_missing) for metric, measured in found.items()}


def _cosines(target: Target, baseline: Target, shared: Shared, sample: _Sample) -> tuple[DoubleArray, DoubleArray]:
    """Cosines of the sampled pairs before and after; empty if none were drawn."""
    parts = (sample.left, sample.right)
    before = [baseline.decode_rows(shared.baseline_rows[part]) for part in parts]
    after = [target.decode_rows(shared.target_rows[part]) for part in parts]
    return cosines(*before), cosines(*after)


def _spearman(before: DoubleArray, after: DoubleArray, seed: int, n_resamples: int = N_RESAMPLES) -> Measurement:
    if not len(before):
        return Measurement(None, 0, note="no two words in common")
    return _correlation(spearman(before, after), bootstrap_spearman(before, after, seed, n_resamples), len(before))


def _shares_found(before: IntArray, after: IntArray, depth: int) -> DoubleArray:
    """Share of each query's neighbours before that are among those after, float64, shape (n_queries,)."""
    pairs = zip(before[:, :depth], after[:, :depth], strict=True)
    return np.array([np.isin(old, new).mean() for old, new in pairs])


def _correlation(value: float, resamples: DoubleArray, n_pairs: int) -> Measurement:
    if np.isnan(value):
        return Measurement(None, n_pairs, note="all cosines are equal")
    return Measurement(value, n_pairs, resamples=resamples)


def _isotropy(vectors: FloatArray, n_missing: int) -> Measurement:
    return Measurement(isotropy(vectors), len(vectors), oov=n_missing)


def _error(before: FloatArray, after: FloatArray, seed: int) -> Measurement:
    if before.shape != after.shape:
        return Measurement(None, len(before), note=f"has {after.shape[1]} dimensions, the baseline {before.shape[1]}")
    wrong = ((after.astype(np.float64) - before) ** 2).sum(axis=1)
    whole = (before.astype(np.float64) ** 2).sum(axis=1)
    if not whole.any():
        return Measurement(None, len(before), note="all vectors are zero")
    resamples = np.sqrt(bootstrap_ratio(wrong, whole, seed))
    return Measurement(float(np.sqrt(wrong.sum() / whole.sum())), len(before), resamples=resamples)


SUITE = Suite(
    "fidelity",
    "how far vectors are from those that they were made from, by frequency",
    METRICS,
    needs_baseline=True,
    plan=plan,
)
