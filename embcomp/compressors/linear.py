"""Linear algebra that several compressors share. Functions of arrays; nothing here knows a compressor.

Sums over rows are sums over blocks of a fixed size in a fixed order (see :mod:`embcomp.threads`), so that results do
not depend on the number of threads; a block and its products stay in a core's cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.progress import Progress, no_progress
from embcomp.threads import map_blocks, single_threaded_blas

Float32Matrix = NDArray[np.float32]
Float64Matrix = NDArray[np.float64]


def covariance(vectors: Float32Matrix, mean: NDArray[np.float32]) -> Float64Matrix:
    """Return Σ (x − mean)ᵀ(x − mean), not divided by n: float64, shape (d, d)."""

    def of_block(rows: slice) -> Float32Matrix:
        centred = vectors[rows] - mean
        return centred.T @ centred

    dim = vectors.shape[1]
    total = np.zeros((dim, dim), dtype=np.float64)
    for product in map_blocks(of_block, len(vectors)):
        total += product
    return total


def principal_directions(covariance: Float64Matrix) -> tuple[NDArray[np.float64], Float64Matrix]:
    """Return singular values (descending, shape (d,)) and right singular vectors (columns, shape (d, d)).

    Of the matrix whose ``XᵀX`` is given. Each direction's largest component is positive, which makes them unique
    where singular values differ.
    """
    with single_threaded_blas():
        values, directions = np.linalg.eigh(covariance)
    values, directions = values[::-1], directions[:, ::-1]
    largest = np.abs(directions).argmax(axis=0)
    signs = np.where(directions[largest, np.arange(len(values))] < 0, -1.0, 1.0)
    return np.sqrt(np.maximum(values, 0.0)), directions * signs


def random_orthogonal(n_rows: int, n_columns: int, rng: np.random.Generator) -> Float64Matrix:
    """Return a random matrix, shape (n_rows, n_columns), with orthonormal rows or columns, whichever are fewer.

    The Q of a QR decomposition of a Gaussian matrix, signs fixed so that it is uniformly distributed
    [Mezzadri 2007, "How to generate random matrices from the classical compact groups", §5].
    """
    size = max(n_rows, n_columns)
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    uniform: Float64Matrix = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return uniform[:n_rows, :n_columns]


def procrustes(cross: Float64Matrix) -> Float64Matrix:
    """Return the R with orthonormal rows or columns that maximises tr(Rᵀ · cross).

    The orthogonal Procrustes solution [Schönemann 1966]: with the thin SVD cross = S Ω Ŝᵀ, R = S Ŝᵀ.
    """
    left, _, right = np.linalg.svd(cross, full_matrices=False)
    solution: Float64Matrix = left @ right
    return solution


def fit_rotation(
    projected: Float32Matrix,
    n_bits: int,
    iterations: int,
    tolerance: float,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[Float64Matrix, NDArray[np.float64]]:
    """Alternate B = sgn(V R) and R = Procrustes(Vᵀ B) from a random orthogonal start.

    iiq.txt §3.1 and eq. (9)-(10); Gong et al. 2013, §3.2. In each round R maximises tr(Bᵀ V R) for the *fixed* V,
    as Gong et al. have it. (Algorithm 1 of iiq.txt prints SVD(BᵀU) with the already rotated U = X̂R, which taken
    literally forgets the rotation so far.) For ``n_bits`` above k, R is a tight frame with R Rᵀ = I, and the same
    two steps apply with a thin SVD.

    Args:
        projected: V, float32, shape (n, k).
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
        gram = covariance(projected, np.zeros(k, dtype=np.float32))
        energy = float(np.trace(gram))
        losses: list[float] = []
        for round_number in range(iterations):
            progress("rotation", round_number, iterations)
            if energy == 0:
                break
            cross = signs_cross(projected, rotation)
            scale = np.sqrt(n_rows * n_bits / energy)
            fit = float((rotation * cross).sum())  # Σ|VR|, since B = sgn(VR)
            length = float(((gram @ rotation) * rotation).sum())  # ‖VR‖²
            losses.append(1.0 + (scale**2 * length - 2.0 * scale * fit) / (n_rows * n_bits))
            if len(losses) > 1 and losses[-2] - losses[-1] < tolerance * losses[-2]:
                break
            rotation = procrustes(cross)
    progress("rotation", iterations, iterations)
    return rotation, np.array(losses)


def signs_cross(projected: Float32Matrix, rotation: Float64Matrix) -> Float64Matrix:
    """Return Vᵀ sgn(V R), float64, shape (k, n_bits)."""
    rotation32 = rotation.astype(np.float32)

    def of_block(rows: slice) -> Float32Matrix:
        block = projected[rows]
        signs = block @ rotation32
        as_ones(signs)
        return block.T @ signs

    total = np.zeros(rotation.shape, dtype=np.float64)
    for product in map_blocks(of_block, len(projected)):
        total += product
    return total


def as_ones(values: Float32Matrix) -> None:
    """Replace numbers by 1 with their sign, in place; ``copysign`` takes five times as long. Zeros have signs too."""
    pattern = values.view(np.uint32)
    pattern &= np.uint32(0x80000000)
    pattern |= np.uint32(0x3F800000)


def isotropy(vectors: Float32Matrix) -> float:
    """I(X) of iiq.txt eq. (3)-(4): min Z(e) / max Z(e), Z(e) = Σ exp(eᵀx).

    The unit vectors e are the right singular vectors of X and their negatives, as Mu et al. 2017 approximate it.
    Returns a number in [0, 1]; 1 for no rows.
    """
    if not len(vectors):
        return 1.0
    _, directions = principal_directions(covariance(vectors, np.zeros(vectors.shape[1], np.float32)))
    with single_threaded_blas():
        exponents = vectors.astype(np.float64) @ directions
    shift = float(np.abs(exponents).max())  # a common factor of all Z that keeps exp in range
    partition = np.concatenate([np.exp(exponents - shift).sum(axis=0), np.exp(-exponents - shift).sum(axis=0)])
    return float(partition.min() / partition.max())


def isotropy_estimate(vectors: Float32Matrix) -> float:
    """Î(X) of iiq.txt eq. (5), from the sum of the rows and the extreme singular values of X.

    Below 0 where the estimate's expansion does not hold (rows far from the origin). 1 for no rows.
    """
    if not len(vectors):
        return 1.0
    values, _ = principal_directions(covariance(vectors, np.zeros(vectors.shape[1], np.float32)))
    centre = float(np.linalg.norm(vectors.sum(axis=0, dtype=np.float64)))
    low = len(vectors) - centre + values[-1] ** 2 / 2
    high = len(vectors) + centre + values[0] ** 2 / 2
    return float(low / high)
