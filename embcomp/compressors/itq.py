"""ITQ, iterative quantization [Gong, Lazebnik, Gordo, Perronnin 2013], as in iiq.txt §3.1."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embcomp.checks import Boolean, Either, Integer, OneOf, Option, Real
from embcomp.compressors.base import Summary
from embcomp.compressors.binary import RotationCompressor, head
from embcomp.compressors.rotation import fit_rotation, project
from embcomp.embedding import FloatMatrix, mean_rows
from embcomp.errors import ParameterError
from embcomp.linear import (
    covariance,
    isotropy,
    isotropy_estimate,
    principal_directions,
)
from embcomp.progress import Progress, no_progress
from embcomp.threads import map_blocks, single_threaded_blas

BITS = Option(
    "bits",
    Either(Integer(1, 65536), OneOf("dim")),
    "dim",
    "bits per word; 'dim' for one bit per dimension, more than that gives a tight frame",
)
ITERATIONS = Option("iterations", Integer(0, 10**6), 50, "rounds of the rotation at most (T); 0 for a random one")
FIT_ROWS = Option(
    "fit_rows",
    Either(Integer(1), OneOf("all")),
    50_000,
    "learn from the first N rows, the most frequent words; 'all' for the published algorithm",
)
UNIT_ROWS = Option(
    "unit_rows",
    Boolean(),
    True,
    "scale rows to unit length before the rotation is fitted (false: as published)",
)
TOLERANCE = Option(
    "tolerance",
    Real(0, 1),
    1e-5,
    "stop when a round lowers the loss by less than this fraction; 0 runs them all",
)
RANDOM_STATE = Option("random_state", Integer(0, 2**32 - 1), 0, "seed of the random start")


class ItqCompressor(RotationCompressor):
    """Centre, project on the top principal directions, rotate so that signs lose least.

    iiq.txt §3.1, eq. (1)-(2). Mean, directions and rotation are learnt from ``fit_rows`` rows and applied to all.
    As published: ``fit_rows="all", unit_rows=False``.

    Where we differ: by default from the frequent head of the file only, with rows scaled to unit length while the
    rotation is fitted (signs do not see a row's length, so long rows need not weigh more).

    Attributes:
        mean_, removed_, rotation_, scale_: see :class:`RotationCompressor`.
        losses_: quantization loss (eq. 2) before each round, per bit; float32, shape (rounds,).
        singular_values_: of the centred fit rows, descending, float32, shape (dim,).
    """

    name = "itq"
    summary = "PCA and a learnt rotation, then signs (Gong et al. 2013)"
    options: ClassVar[tuple[Option, ...]] = (BITS, ITERATIONS, FIT_ROWS, UNIT_ROWS, TOLERANCE, RANDOM_STATE)

    def __init__(
        self,
        bits: int | str = "dim",
        iterations: int = 50,
        fit_rows: int | str = 50_000,
        unit_rows: bool = True,
        tolerance: float = 1e-5,
        random_state: int = 0,
    ) -> None:
        self.bits = bits
        self.iterations = iterations
        self.fit_rows = fit_rows
        self.unit_rows = unit_rows
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Learn mean, directions and rotation."""
        self._require_matrix(vectors)
        rows = head(self.name, vectors, self.fit_rows)
        mean = mean_rows(rows)
        return self._learn(rows, mean, covariance(rows, mean), progress)

    def fit_summary(self, summary: Summary, progress: Progress = no_progress) -> Self:
        """Learn mean and directions of all rows, and the rotation and the scale from a sample of them."""
        head(self.name, summary.sample, "all")
        return self._learn(summary.sample, summary.mean, summary.covariance, progress)

    def _learn(
        self,
        rows: FloatMatrix,
        mean: NDArray[np.float32],
        covariance_of_rows: NDArray[np.float64],
        progress: Progress,
    ) -> Self:
        dim = len(mean)
        n_bits = dim if isinstance(self.bits, str) else self.bits
        self.mean_ = mean
        singular_values, directions = principal_directions(covariance_of_rows)
        self.singular_values_ = singular_values.astype(np.float32)
        n_removed = self._n_removed(self.singular_values_)
        # X̂'s own principal directions: those kept, by singular value, then those whose value was set to 0.
        ordered = np.roll(directions, -n_removed, axis=1)[:, : min(n_bits, dim)]
        self.removed_ = np.ascontiguousarray(directions[:, :n_removed].T, dtype=np.float32)
        basis = ordered.astype(np.float32)
        basis[:, dim - n_removed :] = 0  # X̂'s singular values there
        rotation, losses = fit_rotation(
            project(rows, mean, basis, unit_rows=self.unit_rows),
            n_bits,
            self.iterations,
            self.tolerance,
            np.random.default_rng(self.random_state),
            progress,
        )
        with single_threaded_blas():
            self.rotation_ = np.ascontiguousarray(ordered @ rotation, dtype=np.float32)
        self.losses_ = losses.astype(np.float32)
        self.scale_ = np.array([self._mean_magnitude(rows)], dtype=np.float32)
        self._report = self._describe(rows)
        return self

    def _n_removed(self, singular_values: np.ndarray[Any, np.dtype[np.float32]]) -> int:
        """How many top directions are set to 0: none in ITQ."""
        return 0

    def _mean_magnitude(self, rows: FloatMatrix) -> float:
        """Mean |projection|: the scale s that minimises ‖X̂W − s B‖² over the fit rows."""
        projection = self._projection()

        def magnitude(block: slice) -> float:
            return float(np.abs((rows[block] - self.mean_) @ projection).sum(dtype=np.float64))

        total = sum(map_blocks(magnitude, len(rows)))
        return float(total / max(1, len(rows) * projection.shape[1]))

    def _describe(self, rows: FloatMatrix) -> dict[str, Any]:
        sample = rows[:ISOTROPY_ROWS]
        after = sample - self.mean_
        after -= (after @ self.removed_.T) @ self.removed_
        return {
            "fit_rows": len(rows),
            "removed": len(self.removed_),
            "rounds": len(self.losses_),
            "loss": {"first": _rounded(self.losses_[:1]), "last": _rounded(self.losses_[-1:])},
            "isotropy": {"before": round(isotropy(sample), 6), "after": round(isotropy(after), 6)},
            "isotropy_estimate": {
                "before": round(isotropy_estimate(sample), 6),
                "after": round(isotropy_estimate(after), 6),
            },
        }

    @property
    def report(self) -> dict[str, Any]:
        """Rows fitted on, directions removed, rounds run, loss, isotropy I(X) and Î(X) before and after."""
        self._require_fitted("_report")
        return self._report


ISOTROPY_ROWS = 10_000  # enough for three digits; the partition function takes d exponentials a row


def _rounded(losses: np.ndarray[Any, Any]) -> float | None:
    return round(float(losses[0]), 6) if len(losses) else None


def require_below_dim(name: str, n_removed: int, dim: int) -> None:
    """Refuse to remove every direction.

    Raises:
        ParameterError: ``n_removed`` is not below ``dim``.
    """
    if n_removed >= dim:
        raise ParameterError(f"{name}: --remove-top must be below the number of dimensions ({dim}), got {n_removed}")
