"""ITQ, iterative quantization [Gong 2013], as in [Liao 2020, §3.1]."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embcomp import draws
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.bits import BytesArray, as_stream
from embcomp.checks import Boolean, Integer, Real, option
from embcomp.compressors.base import Report, StreamDecoder
from embcomp.compressors.layered import LayeredCompressor, graded, plain
from embcomp.compressors.options import BITS, FIT_ROWS, GRADE, LENGTHS, RANDOM_STATE
from embcomp.compressors.principal import stored_directions
from embcomp.compressors.rotation import WIDE, Directions, fit_rotation
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.exact import above_zero, on_grid, unit_below, without
from embcomp.kernels.signs import SignSums
from embcomp.linear import covariance, isotropies, leading_directions, principal_directions, product
from embcomp.progress import Progress, no_progress
from embcomp.threads import map_blocks

ISOTROPY_ROWS = 10_000  # enough for three digits; the partition function takes d exponentials a row
ROUNDED_UP = 1.01  # above what a column of numbers rounded to 24 bits can add up to


class ItqCompressor(LayeredCompressor):
    """Centre, project on the top principal directions, rotate for the least quantization loss of signs.

    [Liao 2020, §3.1, eq. 1-2]. Mean, directions and rotation are learned from ``fit_rows`` rows and applied to all.
    With more bits than dimensions, R is a tight frame. As published: ``fit_rows="all", unit_rows=False``.

    Where we differ: by default from the frequent head of the file only, with rows scaled to unit length while the
    rotation is fitted (signs do not see a row's length, so long rows need not weigh more).

    Codes are sgn((x − mean) (I − PᵀP) W); vectors come back as scale · b Wᵀ, centred. W is the *rotation* after the
    directions, and P the *removed* directions. W has orthonormal columns when ``n_bits <= dim``, so that cosines of
    decoded vectors are cosines of ±1 codes; with more bits than dimensions its rows are orthonormal. The sign of 0
    is −1. With a grade each layer (:mod:`embcomp.compressors.layered`) is such a code.

    Attributes:
        mean_, removed_, rotation_, scale_: see above.
        directions_: rows of Wᵀ of all layers of a graded code, as whole numbers; times ``scales_`` they are unit.
    """

    name = "itq"
    summary = "PCA and a learned rotation, then signs (Gong et al. 2013)"
    loss_kind = "rotation"
    decodes_by_products = False  # those of many rows are exact sums

    bits: int | str = BITS
    grade: float | str = GRADE
    lengths: int | str = LENGTHS
    iterations: int = option(Integer(0, 10**6), "rounds of the rotation at most (T); 0 for a random one", default=50)
    fit_rows: int | str = FIT_ROWS
    unit_rows: bool = option(
        Boolean(), "scale rows to unit length before the rotation is fitted (false: as published)", default=True
    )
    tolerance: float = option(
        Real(0, 1), "stop when a round lowers the loss by less than this fraction; 0 runs them all", default=1e-5
    )
    random_state: int = RANDOM_STATE

    mean_: FloatArray = array("<f4", "dim", offset=True)
    removed_: FloatArray = array("<f4", "removed", "dim", encodes_only=True)
    rotation_: FloatArray = array("<f4", "dim", "bits", when=plain)
    scale_: FloatArray = array("<f4", 1, when=plain)
    directions_: NDArray[np.int8] = array("|i1", "signs", "dim", when=graded)
    scales_: FloatArray = array("<f4", "signs", when=graded, encodes_only=True)

    # Learning

    def _fit_plain(self, rows: FloatArray, progress: Progress) -> Report:
        """Learn mean, directions, rotation and scale."""
        n_bits = rows.shape[1] if isinstance(self.bits, str) else self.bits
        report, directions = self._learn_origin(rows, leading=n_bits >= rows.shape[1] > WIDE)
        # X̂'s own principal directions: those kept, by singular value, then those whose value was set to 0.
        basis = np.roll(directions, -len(self.removed_), axis=1)[:, :n_bits] if n_bits < rows.shape[1] else None
        kept = Directions.of(rows, self.mean_, self.removed_, basis, unit_rows=self.unit_rows)
        rotation, losses = self._rotation(kept, n_bits, draws.generator(self.random_state), progress)
        self.rotation_ = (rotation if basis is None else product(basis, rotation)).astype(np.float32)
        self.scale_ = np.array([kept.mean_magnitude(rotation)], dtype=np.float32)
        return report | {"rounds": len(losses), "losses": [round(float(loss), 6) for loss in losses]}

    def _rotation(
        self, rows: Directions, n_bits: int, rng: np.random.Generator, progress: Progress
    ) -> tuple[DoubleArray, DoubleArray]:
        return fit_rotation(rows, n_bits, self.iterations, self.tolerance, rng, progress)

    def _learn_origin(self, head: FloatArray, *, leading: bool = False) -> tuple[Report, DoubleArray]:
        """Learn the mean and the removed directions; return principal ones, with ``leading`` only the first."""
        self.mean_ = mean_rows(head)
        spread = covariance(head, self.mean_)
        found = (
            leading_directions(spread, self._most_removed(len(spread))) if leading else principal_directions(spread)
        )
        values, directions = found
        n_removed = self._n_removed(head, values, directions)
        self.removed_ = np.ascontiguousarray(directions[:, :n_removed].T, dtype=np.float32)
        return self._describe(head, values[: directions.shape[1]]), directions

    def _no_directions(self, dim: int) -> None:
        self.directions_ = np.zeros((0, dim), dtype=np.int8)
        self.scales_ = np.zeros(0, dtype=np.float32)

    def _learn_layer(self, rest: FloatArray, n_signs: int, progress: Progress) -> None:
        """Rotate the principal directions along which rows are longest."""
        origin = np.zeros(rest.shape[1], dtype=np.float32)
        _, directions = principal_directions(covariance(rest, origin))
        basis = directions[:, :n_signs]
        rows = Directions.of(rest, origin, self.removed_[:0], basis, unit_rows=self.unit_rows)
        rng = draws.generator(self.random_state, len(self.scales_))
        rotation, _ = self._rotation(rows, n_signs, rng, no_progress)
        whole, scales = stored_directions(product(basis, rotation).T, "|i1")
        self.directions_ = np.concatenate([self.directions_, whole])
        self.scales_ = np.concatenate([self.scales_, scales])

    def _whole_directions(self, signs: slice) -> tuple[DoubleArray, DoubleArray]:
        return self.directions_[signs].astype(np.float64), self.scales_[signs].astype(np.float64)

    def _n_removed(self, head: FloatArray, singular_values: DoubleArray, directions: DoubleArray) -> int:
        """How many top directions, which are columns, are set to 0: none in ITQ."""
        return 0

    def _most_removed(self, dim: int) -> int:
        """Return a number that ``_n_removed`` does not exceed."""
        return 0

    def _describe(self, rows: FloatArray, singular_values: DoubleArray) -> Report:
        """Rows fitted on, directions removed, singular values, isotropy I(X) and Î(X)."""
        sample = rows[:ISOTROPY_ROWS]
        after = sample - self.mean_.astype(np.float64)
        after -= (after @ self.removed_.T) @ self.removed_
        both = sample, after.astype(np.float32)
        before_after = list(map_blocks(lambda one: isotropies(both[one.start]), len(both), 1))
        exact, estimated = (
            {name: round(pair[place], 4) for name, pair in zip(("before", "after"), before_after, strict=True)}
            for place in (0, 1)
        )
        return {
            "fit_rows": len(rows),
            "removed": len(self.removed_),
            "singular_values": [float(f"{value:.6g}") for value in singular_values],
            "isotropy": exact,
            "isotropy_estimate": estimated,
        }

    # Codes

    @property
    def n_signs(self) -> int:
        """One per column of W."""
        return self.extents["bits"]

    def _before_encoding(self) -> None:
        _ = None if graded(self) else self._projection

    def _signs(self, vectors: FloatArray) -> NDArray[np.bool_]:
        """The signs of the projections."""
        return above_zero(vectors - self.mean_, self._projection)

    def _centred(self, vectors: FloatArray) -> tuple[DoubleArray, DoubleArray]:
        return without(vectors - self.mean_, self.removed_)

    def _of_signs(self, codes: BytesArray) -> FloatArray:
        out = np.empty((len(codes), self._back.shape[1]), dtype=np.float32)
        self._sums(*as_stream(codes), out)
        return out

    @cached_property
    def stream_decoders(self) -> tuple[StreamDecoder, ...]:
        """That of the signs, if they are all there is."""
        return () if graded(self) or self._length_bits else (self._sums,)

    @property
    def bit_directions(self) -> FloatArray | None:
        """The rows of scale · Wᵀ."""
        self._require_fitted()
        return self._back if plain(self) else None

    def align(self, vectors: FloatArray) -> FloatArray:
        """Subtract the mean and take out the removed directions, as encoding does."""
        centred: FloatArray = super().align(vectors)
        return (centred - (centred @ self.removed_.T) @ self.removed_).astype(np.float32, copy=False)

    @cached_property
    def _back(self) -> FloatArray:
        """What ±1 codes are multiplied with, float32, shape (n_bits, dim): scale · Wᵀ without a grade.

        That is rounded to a grid on which all sums are exact: decoded vectors are the same everywhere.
        """
        if graded(self):
            return self._sign_directions
        with np.errstate(over="ignore", invalid="ignore"):  # `verify` finds states of absurd numbers
            wide = np.multiply(self.rotation_.T, self.scale_[0], dtype=np.float64)
            largest = float(np.abs(wide).sum(axis=0).max(initial=0.0))
            return np.ascontiguousarray(on_grid(wide, unit_below(ROUNDED_UP * largest, 24)), dtype=np.float32)

    @cached_property
    def _sums(self) -> SignSums:
        return SignSums(self._back)

    @cached_property
    def _projection(self) -> FloatArray:
        """(I − PᵀP) W: what centred vectors are multiplied with before taking signs, float32, shape (dim, n_bits)."""
        if not len(self.removed_):
            return self.rotation_
        along = product(self.removed_, self.rotation_)
        return (self.rotation_ - product(self.removed_.T, along)).astype(np.float32)
