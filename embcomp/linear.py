"""Linear algebra that several compressors share. Functions of arrays; nothing here knows a compressor.

Sums over rows are sums over blocks of a fixed size in a fixed order (see :mod:`embcomp.threads`), so that results do
not depend on the number of threads; a block and its products stay in a core's cache.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from embcomp.threads import map_blocks, single_threaded_blas

Float32Matrix = NDArray[np.float32]
Float64Matrix = NDArray[np.float64]


def covariance(vectors: Float32Matrix, mean: NDArray[np.float32]) -> Float64Matrix:
    """Return Σ (x − mean)ᵀ(x − mean), not divided by n: float64, shape (d, d)."""

    def of_block(rows: slice) -> Float32Matrix:
        centred = vectors[rows] - mean
        return centred.T @ centred

    dim = vectors.shape[1]
    return sum_of(map_blocks(of_block, len(vectors)), (dim, dim))


def sum_of(products: Iterable[Float32Matrix], shape: tuple[int, ...]) -> Float64Matrix:
    """Return the sum of blocks' products, in their order: float64, of ``shape`` also if there are none."""
    total = np.zeros(shape, dtype=np.float64)
    for product in products:
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
    [Mezzadri 2007, §5].
    """
    size = max(n_rows, n_columns)
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    uniform: Float64Matrix = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return uniform[:n_rows, :n_columns]


def procrustes(cross: Float64Matrix) -> Float64Matrix:
    """Return the R with orthonormal rows or columns that maximizes tr(Rᵀ · cross).

    The orthogonal Procrustes solution [Schönemann 1966]: with the thin SVD cross = S Ω Ŝᵀ, R = S Ŝᵀ.
    """
    left, _, right = np.linalg.svd(cross, full_matrices=False)
    solution: Float64Matrix = left @ right
    return solution


def isotropy(vectors: Float32Matrix) -> float:
    """I(X) of [Liao 2020, eq. 3-4]: min Z(e) / max Z(e), Z(e) = Σ exp(eᵀx).

    The unit vectors e are the right singular vectors of X and their negatives, as in [Mu 2017].
    Returns a number in [0, 1]; 1 for no rows.
    """
    if not len(vectors):
        return 1.0
    _, directions = principal_directions(covariance(vectors, np.zeros(vectors.shape[1], np.float32)))

    def partition_of(rows: slice) -> tuple[float, NDArray[np.float64]]:
        """Z of some rows without a factor, and the factor's logarithm, which keeps exp in range."""
        along = vectors[rows].astype(np.float64) @ directions
        shift = float(np.abs(along).max())
        return shift, np.concatenate([np.exp(along - shift).sum(axis=0), np.exp(-along - shift).sum(axis=0)])

    parts = list(map_blocks(partition_of, len(vectors)))
    largest = max(shift for shift, _ in parts)
    partition = np.sum([np.exp(shift - largest) * part for shift, part in parts], axis=0)
    return float(partition.min() / partition.max())


def isotropy_estimate(vectors: Float32Matrix) -> float:
    """Î(X) of [Liao 2020, eq. 5], from the sum of the rows and the extreme singular values of X.

    Below 0 where the estimate's expansion does not hold (rows far from the origin). 1 for no rows.
    """
    if not len(vectors):
        return 1.0
    values, _ = principal_directions(covariance(vectors, np.zeros(vectors.shape[1], np.float32)))
    centre = float(np.linalg.norm(vectors.sum(axis=0, dtype=np.float64)))
    low = len(vectors) - centre + values[-1] ** 2 / 2
    high = len(vectors) + centre + values[0] ** 2 / 2
    return float(low / high)
