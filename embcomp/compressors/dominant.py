"""Dominant directions: which singular values stand out, and the option that says how many are removed."""

from __future__ import annotations

import numpy as np

from embcomp.arrays import DoubleArray
from embcomp.checks import Integer
from embcomp.compressors.options import auto
from embcomp.errors import ParameterError

REMOVE_TOP = auto(Integer(0), "set the top D singular values to 0; 'auto' removes those that stand out")

# docs/remove-top.md: chosen without labels, on several embeddings
DOMINANCE = 1.5
SMOOTHNESS = 1.75
MOST = 1 / 20  # of all


def dominant_directions(singular_values: DoubleArray) -> int:
    """Return how many top singular values stand out from the rest, at most a twentieth of them.

    The paper sets D by hand (14 for GloVe and 2 for HDC, at 300 dimensions) for singular values that "have
    substantial gaps while the rest are clustered" [Liao 2020, §4]. With m their median, where the cluster is:
    if a tenth of all values lie above 1.75 m there is no cluster but a smooth decay (word2vec and fastText on small
    corpora), and removing any direction hurts: 0. Otherwise those above 1.5 m, but no more than d/20.
    """
    dim = len(singular_values)
    median = float(np.median(singular_values)) if dim else 0.0
    if not dim or singular_values[dim // 10] > SMOOTHNESS * median:
        return 0
    return min(int((singular_values > DOMINANCE * median).sum()), round(dim * MOST))


def n_removed(method: str, remove_top: int | str, singular_values: DoubleArray) -> int:
    """Return D: what the option ``remove_top`` of a method says, or chooses.

    Raises:
        ParameterError: no direction would be left.
    """
    most = most_removed(method, remove_top, len(singular_values))
    return dominant_directions(singular_values) if isinstance(remove_top, str) else most


def most_removed(method: str, remove_top: int | str, dim: int) -> int:
    """Return the most that :func:`n_removed` returns for so many dimensions; raises as that does."""
    if isinstance(remove_top, str):
        return round(dim * MOST)
    if remove_top >= dim:
        raise ParameterError(
            f"{method}: `remove_top` must be below the number of dimensions ({dim}), got {remove_top}"
        )
    return remove_top
