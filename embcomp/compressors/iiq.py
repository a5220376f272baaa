"""IIQ, isotropic iterative quantization [Liao 2020, Algorithm 1]."""

from __future__ import annotations

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.compressors.base import Report
from embcomp.compressors.binary import row_lengths
from embcomp.compressors.dominant import REMOVE_TOP, most_removed, n_removed
from embcomp.compressors.itq import ItqCompressor
from embcomp.compressors.lengths import related, vary
from embcomp.exact import whole_rows, without


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

    def _n_removed(self, head: FloatArray, singular_values: DoubleArray, directions: DoubleArray) -> int:
        """D of Algorithm 1; for ``auto`` none where the directions carry the lengths of rows."""
        found = n_removed(self.name, self.remove_top, singular_values)
        automatic = isinstance(self.remove_top, str)
        return 0 if automatic and self._loses_lengths(head, directions[:, :found].T.astype(np.float32)) else found

    def _most_removed(self, dim: int) -> int:
        return most_removed(self.name, self.remove_top, dim)

    def _loses_lengths(self, head: FloatArray, removed: FloatArray) -> bool:
        """Whether lengths are wanted, and are another thing without some directions."""
        if self.lengths == 0 or not len(removed):
            return False
        before = row_lengths(lambda rows: whole_rows(head[rows] - self.mean_), len(head))
        after = row_lengths(lambda rows: without(head[rows] - self.mean_, removed), len(head))
        return vary(before, head.shape[1]) and not related(before, after)

    def _describe(self, rows: FloatArray, singular_values: DoubleArray) -> Report:
        """Warn where the directions that were asked to be removed carry the lengths of rows."""
        report = super()._describe(rows, singular_values)
        if self._loses_lengths(rows, self.removed_):
            report["warnings"] = [
                f"`remove_top` {self.remove_top} takes out the directions that carry the lengths of rows"
            ]
        return report
