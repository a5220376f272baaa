"""Semantic textual similarity: Spearman's ρ between people's ratings of pairs of texts and cosines.

A text is the mean of the vectors of its words (:mod:`embcomp.text.words`), each as long as it is: static sentence
models give important words long vectors. Words that are missing are left out of their text. A text without any known
word counts as a missing word does in the other suites: it has the mean vector, or its pair is left out.
"""

from __future__ import annotations

import numpy as np

from embcomp.eval import layouts
from embcomp.eval.score import Measurement
from embcomp.eval.similarity import correlate
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target, TermVectors
from embcomp.text.words import text_vectors, tokens


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Rank correlation of ratings and cosines over the pairs of texts of a set, average ranks for ties."""
    lefts, rights, ratings = zip(*data.rows, strict=True)
    texts, n_oov = tokens(target, [*lefts, *rights])
    vectors = text_vectors(target, texts)
    known = np.array([max(rows, default=-1) >= 0 for rows in texts])
    if settings.oov == "mean" and not known.all():
        vectors[~known] = target.mean_vector()
    return {"spearman": correlate(TermVectors(vectors, known, n_oov), ratings, settings)}


SUITE = Suite(
    "sts",
    "rank correlation of cosines with people's ratings of pairs of texts",
    ("spearman",),
    measure,
    layouts.parse_text_pairs,
    folders=("sts",),
)
