"""The rotation with the least quantization loss when rotated rows are rounded to signs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embcomp.linear import (
    Float32Matrix,
    Float64Matrix,
    covariance,
    procrustes,
    random_orthogonal,
    sum_of,
)
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, map_blocks, single_threaded_blas

HELD_BYTES = 2**26


class Projected(Protocol):
    """V, shape (n, k): centred rows along the columns of a basis, as far as :func:`fit_rotation` needs it."""

    shape: tuple[int, int]

    def gram(self) -> Float64Matrix:
        """Return VᵀV, float64, shape (k, k)."""
        ...

    def signs_cross(self, rotation: Float64Matrix) -> Float64Matrix:
        """Return Vᵀ sgn(V R), float64, shape (k, n_bits)."""
        ...


def fit_rotation(
    projected: Projected,
    n_bits: int,
    iterations: int,
    tolerance: float,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[Float64Matrix, NDArray[np.float64]]:
    """Alternate B = sgn(V R) and R = Procrustes(Vᵀ B) from a random orthogonal start.

    [Liao 2020, §3.1, eq. 9-10; Gong 2013, §3.2] In each round R maximises tr(Bᵀ V R) for the *fixed* V,
    as [Gong 2013] has it. ([Liao 2020, Algorithm 1] prints SVD(BᵀU) with U = X̂R, the rows after rotation; taken
    literally, that forgets the rotation found so far.) For ``n_bits`` above k, R is a tight frame with R Rᵀ = I, and
    the same two steps apply with a thin SVD.

    Args:
        projected: V, shape (n, k).
        n_bits: columns of R.
        iterations: rounds at most.
        tolerance: stop when a round lowers the loss by less than this fraction of it; 0 never stops early.
        rng: for the start.
        progress: called once a round.

    Returns:
        R, float64, shape (k, n_bits), and the loss before each round: ‖B − s V R‖² / (n · n_bits), eq. (2) with
        rows on the scale s that makes their mean square length that of a code; in [0, 2], shape (rounds,).
    """
    n_rows, k = projected.shape
    with single_threaded_blas():
        rotation = random_orthogonal(k, n_bits, rng)
        gram = projected.gram()
        energy = float(np.trace(gram))
        losses: list[float] = []
        for round_number in range(iterations):
            progress("rotation", round_number, iterations)
            if energy == 0:
                break
            cross = projected.signs_cross(rotation)
            scale = np.sqrt(n_rows * n_bits / energy)
            fit = float((rotation * cross).sum())  # Σ|VR|, since B = sgn(VR)
            length = float(((gram @ rotation) * rotation).sum())  # ‖VR‖²
            losses.append(1.0 + (scale**2 * length - 2.0 * scale * fit) / (n_rows * n_bits))
            if len(losses) > 1 and losses[-2] - losses[-1] < tolerance * losses[-2]:
                break
            rotation = procrustes(cross)
    progress("rotation", iterations, iterations)
    return rotation, np.array(losses)


def project(
    rows: Float32Matrix, mean: NDArray[np.float32], basis: Float32Matrix, *, unit_rows: bool = False
) -> Projected:
    """Return V = (rows − mean) · basis, its rows scaled to unit length if asked for.

    Args:
        rows: float32, shape (n, d).
        mean: float32, shape (d,).
        basis: float32, shape (d, k).
        unit_rows: scale the rows of V; rows of length 0 stay.

    Returns:
        V in memory, if it takes at most ``HELD_BYTES`` or half of what the rows take; else products with it are
        computed from the rows each time, which takes little longer while k is above d / 2.
    """
    dim, k = basis.shape
    if 4 * len(rows) * k <= HELD_BYTES or 2 * k <= dim:
        return HeldProjection(_projected(rows, mean, basis, unit_rows=unit_rows))
    return ComputedProjection(rows, mean, basis, unit_rows=unit_rows)


def _projected(
    rows: Float32Matrix, mean: NDArray[np.float32], basis: Float32Matrix, *, unit_rows: bool
) -> Float32Matrix:
    projected = np.empty((len(rows), basis.shape[1]), dtype=np.float32)

    def project_block(block: slice) -> None:
        np.matmul(rows[block] - mean, basis, out=projected[block])
        if unit_rows:
            projected[block] /= _lengths(projected[block])[:, None]

    for_blocks(project_block, len(rows))
    return projected


def _lengths(rows: Float32Matrix) -> NDArray[np.float32]:
    """Lengths of rows, 1 for those of length 0."""
    lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1)
    return np.where(lengths > 0, lengths, np.float32(1))


class HeldProjection:
    """V as a matrix: float32, shape (n, k)."""

    def __init__(self, matrix: Float32Matrix) -> None:
        self._matrix = matrix
        self.shape: tuple[int, int] = matrix.shape

    def gram(self) -> Float64Matrix:
        """Return VᵀV."""
        return covariance(self._matrix, np.zeros(self.shape[1], dtype=np.float32))

    def signs_cross(self, rotation: Float64Matrix) -> Float64Matrix:
        """Return Vᵀ sgn(V R)."""
        rotation32 = rotation.astype(np.float32)

        def of_block(rows: slice) -> Float32Matrix:
            block = self._matrix[rows]
            signs = block @ rotation32
            to_signs(signs, np.float32(1))
            return block.T @ signs

        return sum_of(map_blocks(of_block, self.shape[0]), rotation.shape)


class ComputedProjection:
    """V = diag(s) (X − mean) P, computed when it is needed: in memory are X and s, one over the rows' lengths.

    sgn(V R) = sgn((X − mean) · PR), since s > 0, and VᵀB = Pᵀ · (X − mean)ᵀ diag(s) B.
    """

    def __init__(
        self, rows: Float32Matrix, mean: NDArray[np.float32], basis: Float32Matrix, *, unit_rows: bool
    ) -> None:
        self._rows, self._mean, self._basis = rows, mean, basis
        self.shape = (len(rows), basis.shape[1])
        self._scales = np.ones((len(rows), 1), dtype=np.float32)
        if unit_rows:
            for_blocks(self._find_scales, len(rows))

    def _find_scales(self, rows: slice) -> None:
        self._scales[rows, 0] = 1 / _lengths(self._centred(rows) @ self._basis)

    def _centred(self, rows: slice) -> Float32Matrix:
        centred: Float32Matrix = self._rows[rows] - self._mean
        return centred

    def gram(self) -> Float64Matrix:
        """Return VᵀV."""

        def of_block(rows: slice) -> Float32Matrix:
            block = (self._centred(rows) @ self._basis) * self._scales[rows]
            return block.T @ block

        k = self.shape[1]
        return sum_of(map_blocks(of_block, self.shape[0]), (k, k))

    def signs_cross(self, rotation: Float64Matrix) -> Float64Matrix:
        """Return Vᵀ sgn(V R)."""
        basis = self._basis.astype(np.float64)
        along = (basis @ rotation).astype(np.float32)

        def of_block(rows: slice) -> Float32Matrix:
            block = self._centred(rows)
            signs = block @ along
            to_signs(signs, self._scales[rows])
            return block.T @ signs

        return basis.T @ sum_of(map_blocks(of_block, self.shape[0]), along.shape)


def to_signs(values: Float32Matrix, magnitude: NDArray[np.float32] | np.float32) -> None:
    """Replace numbers by a magnitude (positive, broadcast) with their sign, in place; zeros have signs too.

    ``copysign`` takes five times as long.
    """
    pattern = values.view(np.uint32)
    pattern &= np.uint32(0x80000000)
    pattern |= magnitude.view(np.uint32)
