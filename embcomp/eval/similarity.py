"""Word similarity: Spearman's ρ between people's ratings and cosines [Liao 2020, §5.1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.eval import layouts
from embcomp.eval.datasets import gensim_sets
from embcomp.eval.score import Measurement, defined
from embcomp.eval.statistics import bootstrap_spearman, cosines, spearman
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target, TermVectors, look_up


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Rank correlation of ratings and cosines over the pairs of a set, average ranks for ties.

    The papers' platform correlates dot products of unit vectors; that is the same number.
    """
    lefts, rights, ratings = zip(*data.rows, strict=True)
    terms = [*lefts, *rights]
    found = look_up(target, terms, settings.oov, average=True)
    baseline, exact = settings.baseline, None
    if baseline is not None and baseline is not target and baseline.dim == target.dim:
        exact = target.align(look_up(baseline, terms, settings.oov, average=True).vectors)
    return {"spearman": correlate(found, ratings, settings, exact)}


def correlate(
    found: TermVectors, ratings: Sequence[float], settings: Settings, exact: FloatArray | None = None
) -> Measurement:
    """Rank correlation of ratings of pairs with the cosines of their vectors: all the left ones, then the right.

    ``exact`` holds the vectors before compression, of the same shape, for the asymmetric value.
    """
    n_pairs = len(ratings)
    both = found.known[:n_pairs] & found.known[n_pairs:]
    used = both if settings.oov == "skip" else np.ones(n_pairs, dtype=np.bool_)
    every, rated = cosines(found.vectors[:n_pairs], found.vectors[n_pairs:]), np.array(ratings, dtype=np.float64)
    cosine, rating = every[used], rated[used]
    n_used = len(rating)
    counts, items = (n_used, n_pairs - n_used, found.n_oov), np.packbits(used).tobytes()
    value = spearman(cosine, rating)
    if np.isnan(value):
        note = "all cosines or all ratings are equal" if n_used else "no pair is known on both sides"
        return Measurement(None, *counts, items=items, note=note)
    return Measurement(
        value,
        *counts,
        bootstrap_spearman(cosine, rating, settings.seed, settings.n_resamples),
        items,
        skipping=defined(spearman(every[both], rated[both])),
        asymmetric=None if exact is None else defined(spearman(_one_sided(found, exact)[used], rating)),
    )


def _one_sided(found: TermVectors, exact: FloatArray) -> DoubleArray:
    """For each pair the sum of two cosines: of each exact vector with the other decoded one."""
    lefts, rights = np.split(found.vectors, 2)
    exact_lefts, exact_rights = np.split(exact, 2)
    return cosines(exact_lefts, rights) + cosines(lefts, exact_rights)


GENSIM_FILES = {"WS-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}

SUITE = Suite(
    "similarity",
    "rank correlation of cosines with people's ratings of pairs of words",
    ("spearman",),
    measure,
    layouts.parse_similarity,
    folders=("similarity", "word-sim"),
    built_in=lambda: gensim_sets("similarity", layouts.parse_similarity, GENSIM_FILES),
)
