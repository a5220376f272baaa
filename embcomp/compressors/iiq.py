"""IIQ, isotropic iterative quantization (iiq.txt, Algorithm 1)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from embcomp.checks import Either, Integer, OneOf, Option
from embcomp.compressors.itq import (
    BITS,
    FIT_ROWS,
    ITERATIONS,
    RANDOM_STATE,
    TOLERANCE,
    UNIT_ROWS,
    ItqCompressor,
    require_below_dim,
)

# docs/remove-top.md: chosen without labels, on several embeddings
DOMINANCE = 1.5
SMOOTHNESS = 1.75


def dominant_directions(singular_values: np.ndarray[Any, np.dtype[np.float32]]) -> int:
    """Return how many top singular values stand out from the rest, at most a twentieth of them.

    The paper sets D by hand (14 for GloVe and 2 for HDC, at 300 dimensions) for singular values that "have
    substantial gaps while the rest are clustered" (iiq.txt §4). With m their median, where the cluster is:
    if a tenth of all values lie above 1.75 m there is no cluster but a smooth decay (word2vec and fastText on small
    corpora), and removing any direction hurts: 0. Otherwise those above 1.5 m, but no more than d/20.
    """
    dim = len(singular_values)
    median = float(np.median(singular_values)) if dim else 0.0
    if not dim or singular_values[dim // 10] > SMOOTHNESS * median:
        return 0
    return min(int((singular_values > DOMINANCE * median).sum()), round(dim / 20))


class IiqCompressor(ItqCompressor):
    """ITQ after the dominant directions are removed, which makes the vectors more isotropic.

    iiq.txt §4 and Algorithm 1: centre (lines 1-2), set the top D singular values to 0 (lines 3-5), PCA to
    ``bits`` if fewer than the dimensions (lines 6-8), a random orthogonal R (line 9) improved by T rounds
    (lines 10-15), signs (line 16). As published: ``remove_top=14, fit_rows="all", unit_rows=False``.

    Where we differ: as :class:`ItqCompressor` does, and ``remove_top="auto"`` chooses D by
    :func:`dominant_directions`, without labels.
    """

    name = "iiq"
    summary = "ITQ after removing dominant directions: isotropic (Liao et al. 2020)"
    options: ClassVar[tuple[Option, ...]] = (
        BITS,
        Option(
            "remove_top",
            Either(Integer(0), OneOf("auto")),
            "auto",
            "set the top D singular values to 0; 'auto' removes those that stand out",
        ),
        ITERATIONS,
        FIT_ROWS,
        UNIT_ROWS,
        TOLERANCE,
        RANDOM_STATE,
    )

    def __init__(
        self,
        bits: int | str = "dim",
        remove_top: int | str = "auto",
        iterations: int = 50,
        fit_rows: int | str = 50_000,
        unit_rows: bool = True,
        tolerance: float = 1e-5,
        random_state: int = 0,
    ) -> None:
        super().__init__(bits, iterations, fit_rows, unit_rows, tolerance, random_state)
        self.remove_top = remove_top

    def _n_removed(self, singular_values: np.ndarray[Any, np.dtype[np.float32]]) -> int:
        """D of Algorithm 1."""
        if isinstance(self.remove_top, str):
            return dominant_directions(singular_values)
        require_below_dim(self.name, self.remove_top, len(singular_values))
        return self.remove_top
