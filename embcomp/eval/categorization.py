"""Categorization: purity of clusters of words, the best over several clusterings [Liao 2020, §5.2].

As the papers' platform does it (word-embeddings-benchmarks, ``evaluate_categorization``): vectors as they are, as
many clusters as categories; Ward, then average and complete linkage with cosine and Euclidean distance, then k-means;
terms are looked up whole, so that one of several words that is not in the vocabulary counts as missing. Unlike it,
rows are sorted before clustering: its score depends on the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embcomp.arrays import DoubleArray
from embcomp.eval import clustering, layouts
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import IntArray, bootstrap_mean, majority_hits
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target, look_up

LINKAGES: tuple[clustering.Linkage, ...] = ("ward", "average", "complete")


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Highest purity over the clusterings; the first of equals is resampled for the interval."""
    rows = sorted(data.rows)
    found = look_up(target, [word for word, _ in rows], settings.oov, average=False)
    used = found.known if settings.oov == "skip" else np.ones(len(rows), dtype=np.bool_)
    n_used, items = int(np.count_nonzero(used)), np.packbits(used).tobytes()
    counts = (n_used, len(rows) - n_used, found.n_oov)
    if n_used == 0:
        return {"purity": Measurement(None, *counts, items=items, note="no word is in the vocabulary")}
    names = [category for (_, category), keep in zip(rows, used, strict=True) if keep]
    categories: IntArray = np.unique(names, return_inverse=True)[1].astype(np.int64)
    points, n_clusters = found.vectors[used].astype(np.float64), int(categories.max()) + 1
    every = [majority_hits(labels, categories) for labels in clusterings(points, n_clusters, settings.seed)]
    hits = max(every, key=np.count_nonzero)
    resamples = bootstrap_mean(hits.astype(np.float64), settings.seed, settings.n_resamples)
    return {"purity": Measurement(float(hits.mean()), *counts, resamples, items)}


def clusterings(points: DoubleArray, n_clusters: int, seed: int) -> Iterator[IntArray]:
    """Yield the labels of each clustering of the protocol, int64, shape (n,)."""
    from scipy.spatial.distance import pdist

    euclidean = pdist(points)
    for linkage in LINKAGES:
        yield clustering.agglomerative(euclidean, linkage, n_clusters)
    del euclidean  # 109 MB for Battig
    cosine = clustering.cosine_distances(points)
    for linkage in LINKAGES[1:]:
        yield clustering.agglomerative(cosine, linkage, n_clusters)
    yield clustering.k_means(points, n_clusters, seed)


SUITE = Suite(
    "categorization",
    "purity of clusters of words",
    ("purity",),
    measure,
    layouts.parse_categories,
    folders=("categorization", "word-categorization"),
)
