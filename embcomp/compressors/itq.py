"""ITQ, iterative quantization [Gong 2013], as in [Liao 2020, §3.1]."""

from __future__ import annotations

import numpy as np

from embcomp import draws
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.checks import Boolean, Integer, Real, option
from embcomp.compressors.base import Report
from embcomp.compressors.binary import RotationCompressor
from embcomp.compressors.options import BITS, FIT_ROWS, RANDOM_STATE
from embcomp.compressors.rotation import Directions, fit_rotation
from embcomp.embedding import mean_rows
from embcomp.linear import covariance, isotropies, principal_directions, product
from embcomp.progress import Progress

ISOTROPY_ROWS = 10_000  # enough for three digits; the partition function takes d exponentials a row


class ItqCompressor(RotationCompressor):
    """Centre, project on the top principal directions, rotate for the least quantization loss of signs.

    [Liao 2020, §3.1, eq. 1-2]. Mean, directions and rotation are learned from ``fit_rows`` rows and applied to all.
    With more bits than dimensions, R is a tight frame. As published: ``fit_rows="all", unit_rows=False``.

    Where we differ: by default from the frequent head of the file only, with rows scaled to unit length while the
    rotation is fitted (signs do not see a row's length, so long rows need not weigh more).
    """

    name = "itq"
    summary = "PCA and a learned rotation, then signs (Gong et al. 2013)"

    bits: int | str = BITS
    iterations: int = option(Integer(0, 10**6), "rounds of the rotation at most (T); 0 for a random one", default=50)
    fit_rows: int | str = FIT_ROWS
    unit_rows: bool = option(
        Boolean(), "scale rows to unit length before the rotation is fitted (false: as published)", default=True
    )
    tolerance: float = option(
        Real(0, 1), "stop when a round lowers the loss by less than this fraction; 0 runs them all", default=1e-5
    )
    random_state: int = RANDOM_STATE

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        """Learn mean, directions, rotation and scale."""
        dim = rows.shape[1]
        n_bits = dim if isinstance(self.bits, str) else self.bits
        self.mean_ = mean_rows(rows)
        singular_values, directions = principal_directions(covariance(rows, self.mean_))
        n_removed = self._n_removed(singular_values)
        self.removed_ = np.ascontiguousarray(directions[:, :n_removed].T, dtype=np.float32)
        # X̂'s own principal directions: those kept, by singular value, then those whose value was set to 0.
        basis = np.roll(directions, -n_removed, axis=1)[:, :n_bits] if n_bits < dim else None
        kept = Directions.of(rows, self.mean_, self.removed_, basis, unit_rows=self.unit_rows)
        rng = draws.generator(self.random_state)
        rotation, losses = fit_rotation(kept, n_bits, self.iterations, self.tolerance, rng, progress)
        self.rotation_ = (rotation if basis is None else product(basis, rotation)).astype(np.float32)
        self.scale_ = np.array([kept.mean_magnitude(rotation)], dtype=np.float32)
        return self._describe(rows, losses, singular_values)

    def _n_removed(self, singular_values: DoubleArray) -> int:
        """How many top directions are set to 0: none in ITQ."""
        return 0

    def _describe(self, rows: FloatArray, losses: DoubleArray, singular_values: DoubleArray) -> Report:
        """Rows fitted on, directions removed, rounds, their losses (eq. 2, per bit), isotropy I(X) and Î(X)."""
        sample = rows[:ISOTROPY_ROWS]
        after = sample - self.mean_.astype(np.float64)
        after -= (after @ self.removed_.T) @ self.removed_
        before_after = [isotropies(each) for each in (sample, after.astype(np.float32))]
        exact, estimated = (
            {name: round(pair[place], 4) for name, pair in zip(("before", "after"), before_after, strict=True)}
            for place in (0, 1)
        )
        return {
            "fit_rows": len(rows),
            "removed": len(self.removed_),
            "rounds": len(losses),
            "losses": [round(float(loss), 6) for loss in losses],
            "singular_values": [float(f"{value:.6g}") for value in singular_values],
            "isotropy": exact,
            "isotropy_estimate": estimated,
        }
