"""IIQ, isotropic iterative quantization [Liao 2020, Algorithm 1]."""

from __future__ import annotations

from embcomp.arrays import DoubleArray
from embcomp.compressors.dominant import REMOVE_TOP, n_removed
from embcomp.compressors.itq import ItqCompressor


class IiqCompressor(ItqCompressor):
    """ITQ after the dominant directions are removed, which makes the vectors more isotropic.

    [Liao 2020, §4 and Algorithm 1]: centre (lines 1-2), set the top D singular values to 0 (lines 3-5), PCA to
    ``bits`` if fewer than the dimensions (lines 6-8), a random orthogonal R (line 9) improved by T rounds
    (lines 10-15), signs (line 16). As published: ``remove_top=14, fit_rows="all", unit_rows=False``.

    Where we differ: as :class:`ItqCompressor` does, and ``remove_top="auto"`` chooses D by
    :func:`~embcomp.compressors.dominant.dominant_directions`, without labels.
    """

    name = "iiq"
    summary = "ITQ after removing dominant directions: isotropic (Liao et al. 2020)"

    remove_top: int | str = REMOVE_TOP

    def _n_removed(self, singular_values: DoubleArray) -> int:
        """D of Algorithm 1."""
        return n_removed(self.name, self.remove_top, singular_values)
