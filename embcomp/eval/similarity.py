"""Word similarity: Spearman's ρ between people's ratings and cosines [iiq.txt §5.1]."""

from __future__ import annotations

import numpy as np

from embcomp.eval.datasets import SimilaritySet
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import bootstrap_spearman, cosines, spearman
from embcomp.eval.target import OovPolicy, Target, look_up

METRICS = ("spearman",)


def measure_similarity(target: Target, data: SimilaritySet, oov: OovPolicy, seed: int) -> Measurement:
    """Rank correlation of ratings and cosines over the pairs of a set, average ranks for ties.

    The papers' platform correlates dot products of unit vectors; that is the same number.
    """
    n_pairs = len(data.pairs)
    terms = [left for left, _ in data.pairs] + [right for _, right in data.pairs]
    found = look_up(target, terms, oov, average=True)
    both = found.known[:n_pairs] & found.known[n_pairs:]
    used = both if oov == "skip" else np.ones(n_pairs, dtype=np.bool_)
    cosine = cosines(found.vectors[:n_pairs][used], found.vectors[n_pairs:][used])
    ratings = data.ratings[used]
    n_used = len(ratings)
    items = np.packbits(used).tobytes()
    value = spearman(cosine, ratings)
    if np.isnan(value):
        note = "all cosines or all ratings are equal" if n_used else "no pair has both its words"
        return Measurement(None, n_used, n_pairs - n_used, found.n_oov, items=items, note=note)
    resamples = bootstrap_spearman(cosine, ratings, seed)
    return Measurement(value, n_used, n_pairs - n_used, found.n_oov, resamples, items)
