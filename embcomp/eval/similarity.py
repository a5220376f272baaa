"""Word similarity: Spearman's ρ between people's ratings and cosines [Liao 2020, §5.1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embcomp.eval import layouts
from embcomp.eval.datasets import gensim_sets
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import bootstrap_spearman, cosines, spearman
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target, TermVectors, look_up


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Rank correlation of ratings and cosines over the pairs of a set, average ranks for ties.

    The papers' platform correlates dot products of unit vectors; that is the same number.
    """
    lefts, rights, ratings = zip(*data.rows, strict=True)
    found = look_up(target, [*lefts, *rights], settings.oov, average=True)
    return {"spearman": correlate(found, ratings, settings)}


def correlate(found: TermVectors, ratings: Sequence[float], settings: Settings) -> Measurement:
    """Rank correlation of ratings of pairs with the cosines of their vectors: all the left ones, then the right."""
    n_pairs = len(ratings)
    both = found.known[:n_pairs] & found.known[n_pairs:]
    used = both if settings.oov == "skip" else np.ones(n_pairs, dtype=np.bool_)
    cosine = cosines(found.vectors[:n_pairs][used], found.vectors[n_pairs:][used])
    rating = np.array(ratings, dtype=np.float64)[used]
    n_used = len(rating)
    counts, items = (n_used, n_pairs - n_used, found.n_oov), np.packbits(used).tobytes()
    value = spearman(cosine, rating)
    if np.isnan(value):
        note = "all cosines or all ratings are equal" if n_used else "no pair is known on both sides"
        return Measurement(None, *counts, items=items, note=note)
    return Measurement(value, *counts, bootstrap_spearman(cosine, rating, settings.seed), items)


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
