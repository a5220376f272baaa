"""The rotation with the least quantization loss when rotated rows are rounded to signs.

Rows and rotations are whole numbers while it is sought, so that it is the same on every processor
(:mod:`embcomp.exact`): the product of a row and a column, and the sum of a block of rows, are at most about
2¹¹ · 2¹², below 2²⁴.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp import draws
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.exact import on_grid, total, without
from embcomp.kernels.cross import signs_cross
from embcomp.linear import polar, product, random_orthogonal
from embcomp.progress import Progress, no_progress
from embcomp.threads import blocks, for_blocks, map_blocks, single_threaded_blas

ROW_LENGTH = 2**11
HEAVIEST = 2  # weight of the longest row, where rows count as their lengths: 2¹¹ rows of 2¹² sum to 2²³
ROTATION_UNIT = 2.0**-12
INERTIA = 2.0**-10  # of the present rotation, over the mean singular value of VᵀB: it decides what rows leave open
WIDE = 512  # columns that are rotated together
BLOCK = 256
HELD_BYTES = 2**26  # what rows may take as float32; above, they take half of that


@dataclass(frozen=True)
class Directions:
    """Rows as directions of whole numbers, and their lengths.

    Attributes:
        units: float32 or int16, shape (n, k): rows scaled to length 2¹¹ and rounded; zeros for rows of length 0.
        lengths: float64, shape (n,).
        weights: float32, shape (n, 1), at most 2: how much each row counts; ``None`` if all count alike.
    """

    units: NDArray[np.float32] | NDArray[np.int16]
    lengths: DoubleArray
    weights: FloatArray | None = None

    @classmethod
    def of(
        cls, rows: FloatArray, mean: FloatArray, removed: FloatArray, basis: DoubleArray | None, *, unit_rows: bool
    ) -> Directions:
        """Centre rows, take some directions out, and give them along others.

        Args:
            rows: float32, shape (n, d).
            mean: float32, shape (d,).
            removed: orthonormal rows on the grid 2⁻²⁵, shape (r, d).
            basis: orthonormal columns on the grid 2⁻²⁵, shape (d, k); ``None`` for the identity.
            unit_rows: let all rows count alike; else as their lengths.
        """
        shape = (len(rows), rows.shape[1] if basis is None else basis.shape[1])
        units = np.empty(shape, dtype=np.float32 if 4 * math.prod(shape) <= HELD_BYTES else np.int16)
        lengths = np.empty(len(rows), dtype=np.float64)

        def of_block(block: slice) -> None:
            whole, unit = without(rows[block] - mean, removed)
            if basis is not None:
                whole = np.rint(whole @ basis)
            long = np.sqrt(np.einsum("nk,nk->n", whole, whole))
            whole *= np.divide(ROW_LENGTH, long, out=np.zeros_like(long), where=long > 0)[:, None]
            units[block] = np.rint(whole, out=whole)
            lengths[block] = long * unit

        for_blocks(of_block, len(rows))
        longest = lengths.max(initial=0)
        if unit_rows or not longest > 0:
            return cls(units, lengths)
        return cls(units, lengths, (lengths[:, None] * (HEAVIEST / longest)).astype(np.float32))

    def _block(self, rows: slice) -> FloatArray:
        return self.units[rows].astype(np.float32, copy=False)

    def _weighted(self, rows: slice) -> FloatArray:
        block = self._block(rows)
        return block if self.weights is None else np.rint(block * self.weights[rows])

    def along(self, basis: DoubleArray) -> Directions:
        """Return the rows along the columns of a basis on the grid 2⁻²⁵, shape (k, b), rounded to whole numbers."""
        units = np.empty((len(self.units), basis.shape[1]), dtype=self.units.dtype)

        def of_block(rows: slice) -> None:
            units[rows] = np.rint(self.units[rows].astype(np.float64) @ basis)

        for_blocks(of_block, len(units))
        return Directions(units, self.lengths, self.weights)

    def energy(self) -> float:
        """Σ ‖w v‖² over the rows v and their weights w."""
        squares = (np.square(self._weighted(rows), dtype=np.float64).sum() for rows in blocks(len(self.units)))
        return float(sum(squares))

    def signs_cross(self, rotation: DoubleArray) -> DoubleArray:
        """Return Σ w v sgn(v R)ᵀ for R rounded to 2⁻¹², float64, shape (k, n_bits); sgn 0 = 1."""

        def of_block(rows: slice) -> NDArray[np.floating]:
            return signs_cross(self._block(rows), self._weighted(rows), whole)

        whole = (on_grid(rotation, ROTATION_UNIT) / ROTATION_UNIT).astype(np.float32)
        out = np.zeros(rotation.shape, dtype=np.float64)
        for of_some in map_blocks(of_block, len(self.units)):
            out += of_some
        return out

    def mean_magnitude(self, rotation: DoubleArray) -> float:
        """Mean |x R| of the rows x as long as they are, of R rounded to 2⁻¹²; 0 for no rows."""

        def of_block(rows: slice) -> DoubleArray:
            product = self._block(rows) @ whole
            sums: DoubleArray = np.abs(product, out=product).sum(axis=1, dtype=np.float64)
            return sums * self.lengths[rows]

        whole = (on_grid(rotation, ROTATION_UNIT) / ROTATION_UNIT).astype(np.float32)
        sums = np.concatenate([np.zeros(0), *map_blocks(of_block, len(self.units))])
        mean: float = total(sums) * ROTATION_UNIT / ROW_LENGTH / max(1, len(sums) * rotation.shape[1])
        return mean


def fit_rotation(
    directions: Directions,
    n_bits: int,
    iterations: int,
    tolerance: float,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[DoubleArray, DoubleArray]:
    """Alternate B = sgn(V R) and R = Procrustes(Vᵀ B) from a random orthogonal start.

    With more than ``WIDE`` columns and as many bits, see :func:`_in_blocks`.

    [Liao 2020, §3.1, eq. 9-10; Gong 2013, §3.2] In each round R maximises tr(Bᵀ V R) for the *fixed* V,
    as [Gong 2013] has it. ([Liao 2020, Algorithm 1] prints SVD(BᵀU) with U = X̂R, the rows after rotation; taken
    literally, that forgets the rotation found so far.) For ``n_bits`` above k, R is a tight frame with R Rᵀ = I, and
    the same two steps apply. Where V leaves R open, having less than full rank, R stays near what it was.

    Args:
        directions: V, shape (n, k).
        n_bits: columns of R, at least k.
        iterations: rounds at most.
        tolerance: stop when a round lowers the loss by less than this fraction of it; 0 never stops early.
        rng: for the start.
        progress: called once a round.

    Returns:
        R, multiples of 2⁻²⁵, shape (k, n_bits), and the loss before each round: ‖B − s V R‖² / (n · n_bits), eq. (2)
        with rows on the scale s that makes their mean square length that of a code; in [0, 2], shape (rounds,).
    """
    n_rows, k = directions.units.shape
    if n_bits == k > WIDE:
        return _in_blocks(directions, iterations, tolerance, rng, progress)
    with single_threaded_blas():
        rotation = random_orthogonal(k, n_bits, rng)
        energy = directions.energy()
        losses: list[float] = []
        for round_number in range(iterations):
            progress("rotation", round_number, iterations)
            if energy == 0:
                break
            cross = directions.signs_cross(rotation)
            fit = float(total(rotation * cross))  # Σ|VR|, since B = sgn(VR)
            losses.append(2 - 2 * fit / math.sqrt(n_rows * n_bits * energy))  # ‖VR‖ = ‖V‖
            if len(losses) > 1 and losses[-2] - losses[-1] < tolerance * losses[-2]:
                break
            rotation = polar(cross + INERTIA * fit / k * rotation)
    progress("rotation", iterations, iterations)
    return rotation, np.array(losses)


def _in_blocks(
    directions: Directions, iterations: int, tolerance: float, rng: np.random.Generator, progress: Progress
) -> tuple[DoubleArray, DoubleArray]:
    """Return a rotation as :func:`fit_rotation` does, but a product of three, at a fraction of the cost.

    Blocks of columns are rotated at random, columns are permuted at random, and then each block of these is rotated
    with the least loss. So a column is mixed with all others, and a round takes k · BLOCK² operations instead of k³.
    Losses are those of the rounds that all blocks had.
    """
    k = directions.units.shape[1]
    places = np.array_split(np.arange(k), -(-k // BLOCK))
    mixing = np.zeros((k, k))
    with single_threaded_blas():
        for own in places:
            mixing[np.ix_(own, own)] = random_orthogonal(len(own), len(own), rng)
    mixing = mixing[:, draws.permutation(rng, k)]
    seeds = draws.below(rng, 2**31, (len(places),)).tolist()

    def of_block(blocks: slice) -> tuple[DoubleArray, DoubleArray]:
        (own,), (seed,) = places[blocks], seeds[blocks]
        mixed = directions.along(mixing[:, own])
        found, losses = fit_rotation(mixed, len(own), iterations, tolerance, draws.generator(seed))
        return product(mixing[:, own], found), losses

    rotation, all_losses = np.empty_like(mixing), list[DoubleArray]()
    for own, (found, losses) in zip(places, map_blocks(of_block, len(places), 1), strict=True):
        progress("rotation", len(all_losses), len(places))
        rotation[:, own] = found
        all_losses.append(losses)
    progress("rotation", len(places), len(places))
    n_rounds = min(map(len, all_losses))
    return rotation, np.mean([losses[:n_rounds] for losses in all_losses], axis=0)
