"""Linear algebra that several compressors share. Functions of arrays; nothing here knows a compressor.

Sums over rows are sums over blocks of a fixed size in a fixed order (see :mod:`embcomp.threads`), so that results do
not depend on the number of threads; a block and its products stay in a core's cache. All but the two measures of
isotropy are exact in the sense of :mod:`embcomp.exact`: products are of matrices on the grid 2⁻²⁵ whose rows and
columns have length 2 at most.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from embcomp import draws
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.exact import gram, largest_magnitude, on_grid, total, unit_below
from embcomp.threads import for_blocks, get_threads, map_blocks, single_threaded_blas

UNIT = 2.0**-25
NOISE = 2.0**-20  # spread of eigenvalues, relative to the matrix, below which they count as equal
REACH = 2.0**23  # how far small singular values are lifted: those from about 2⁻²⁰ of the largest arrive at 1
LOW = 2.0**-3  # over the dimensions: what the smallest singular value, relative to the largest, is about
NEARLY = 2.0**-11  # from orthonormal: one more step, which squares the distance, is the last
SMALLEST_SHARE = 2.0**-8
TRIES = 8
WIDE = 512  # columns of matrices whose products take milliseconds
PRODUCT_ROWS = 128
OUTSIDE = 2.0**-8
BESIDE = 32  # columns beside the wanted ones, so that these come out fast
TURNS = 16


def covariance(vectors: FloatArray, mean: FloatArray) -> DoubleArray:
    """Return Σ (x − mean)ᵀ(x − mean), not divided by n: float64, shape (d, d)."""
    out = np.zeros((vectors.shape[1], vectors.shape[1]), dtype=np.float64)
    for of_block in map_blocks(lambda rows: gram(vectors[rows] - mean), len(vectors)):
        out += of_block
    return out


def polar(matrix: DoubleArray) -> DoubleArray:
    """Return the matrix with orthonormal columns, or rows where they are fewer, that is nearest to ``matrix``.

    With the thin SVD matrix = S Ω Ŝᵀ it is S Ŝᵀ, the R that maximizes tr(Rᵀ · matrix) [Schönemann 1966]; that of a
    symmetric matrix has the same eigenvectors, and the signs of its eigenvalues as eigenvalues. Found by products of
    matrices on a grid (:func:`_newton_schulz`), which leave nothing to the library of linear algebra.

    A matrix without full rank has no nearest one: a growing share of the identity is added until there is.

    Returns:
        Multiples of 2⁻²⁵, orthonormal to about that.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return polar(matrix.T).T
    share, scaled = 0.0, _near_one(matrix)
    while (found := _newton_schulz(_near_one(scaled + share * np.eye(*matrix.shape)))) is None:
        share = max(4 * share, SMALLEST_SHARE)
    return found


def _near_one(matrix: DoubleArray) -> DoubleArray:
    """Return ``matrix`` divided by a number that its singular values do not exceed."""
    bound = largest_magnitude(matrix) * math.sqrt(matrix.size)
    return matrix / bound if bound > 0 else matrix


def product(a: NDArray[np.floating], b: NDArray[np.floating]) -> DoubleArray:
    """Return the product of two matrices whose rows and columns have length 2 at most, rounded to the grid 2⁻²⁵.

    The product of the rounded matrices is exact.
    """
    return on_grid(times(on_grid(a, UNIT), on_grid(b, UNIT)), UNIT)


def times(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """Return the product of two matrices, of large ones on all threads; for exact products only."""
    if get_threads() == 1 or len(b) < WIDE:
        product: DoubleArray = a @ b
        return product
    out = np.empty((len(a), b.shape[1]), dtype=np.float64)

    def of_block(rows: slice) -> None:
        np.matmul(a[rows], b, out=out[rows])

    for_blocks(of_block, len(a), PRODUCT_ROWS)
    return out


def squared(x: DoubleArray) -> DoubleArray:
    """Return xᵀx as :func:`times` does; what is below the diagonal is copied from above."""
    if get_threads() == 1 or x.shape[1] < WIDE:
        product: DoubleArray = x.T @ x
        return product
    out = np.empty((x.shape[1], x.shape[1]), dtype=np.float64)

    def of_block(rows: slice) -> None:
        out[rows, rows.start :] = x[:, rows].T @ x[:, rows.start :]
        out[rows.stop :, rows] = out[rows, rows.stop :].T

    for_blocks(of_block, len(out), PRODUCT_ROWS)
    return out


def _newton_schulz(matrix: DoubleArray) -> DoubleArray | None:
    """Return the polar factor of a matrix with singular values of at most 1, or ``None`` if that takes too long.

    X ← X (3 I − XᵀX) / 2, where singular values go to 1 quadratically, with the factor α before X that lifts small
    ones fastest while none exceeds 1 [Chen 2014].
    """
    x = on_grid(matrix, UNIT)
    norm = math.sqrt(total(np.abs(x.T @ x), 0).max(initial=0))
    x = on_grid(matrix / norm if norm > 0 else matrix, UNIT)
    k = x.shape[1]
    low, lifted = LOW / max(1, k), 1.0
    while lifted < REACH:
        rest = squared(x)
        diagonal = rest.reshape(-1)[:: k + 1]
        diagonal -= 1
        distance = k * largest_magnitude(rest)  # of X from orthonormal
        low = max(low, 1 - distance)
        done = distance < NEARLY
        factor = 1.0 if done else math.sqrt(3 / (1 + low + low * low))
        rest *= -0.5 * factor**3
        diagonal += 1.5 * factor - 0.5 * factor**3
        x = on_grid(times(x, on_grid(rest, UNIT)), UNIT)
        low = 0.5 * factor * low * (3 - factor**2 * low**2)
        lifted *= 1.5 * factor
        if done:
            return x
    return None


def principal_directions(covariance: DoubleArray, noise: float = NOISE) -> tuple[DoubleArray, DoubleArray]:
    """Return singular values (descending, shape (d,)) and right singular vectors (columns, shape (d, d)).

    Of the matrix whose ``XᵀX`` is given. Each direction's largest component is positive, which makes them unique
    where singular values differ; where their squares differ by less than ``noise`` of the largest, any orthonormal
    directions do. Directions are multiples of 2⁻²⁵.
    """
    unit = unit_below(total(np.abs(covariance), 0).max(initial=0), 0)
    scaled = on_grid(covariance / unit, UNIT)
    with single_threaded_blas():
        directions = polar(_eigenbasis(scaled, noise))
        for _ in range(2):
            directions = _straightened(scaled, directions)
        values = np.diag(_turned(scaled, directions))
    order = np.argsort(-values, kind="stable")
    values, directions = values[order], directions[:, order]
    largest = np.abs(directions).argmax(axis=0)
    signs = np.where(directions[largest, np.arange(len(values))] < 0, -1.0, 1.0)
    return np.sqrt(np.maximum(values, 0.0) * unit), directions * signs


def leading_directions(covariance: DoubleArray, n_columns: int) -> tuple[DoubleArray, DoubleArray]:
    """Return what :func:`principal_directions` does, of the first ``n_columns`` only, for a fraction of its cost.

    The others' singular values are those of the library of linear algebra, for decisions that do not hang on the last
    digits. Directions are those of a space that multiplications with the matrix have turned to the first ones: the
    last of them are less sharp.

    Returns:
        All singular values, descending, shape (d,), and directions, shape (d, n_columns).
    """
    dim = len(covariance)
    unit = unit_below(total(np.abs(covariance), 0).max(initial=0), 0)
    scaled = on_grid(covariance / unit, UNIT)
    with single_threaded_blas():
        values = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0))
        space = random_orthogonal(dim, min(dim, n_columns + BESIDE), draws.generator(n_columns))
        for _ in range(TURNS if n_columns else 0):
            space = polar(product(scaled, space))
        first, within = principal_directions(_turned(scaled, space))
    values[:n_columns] = first[:n_columns] * math.sqrt(unit)
    return values, product(space, within[:, :n_columns])


def _turned(matrix: DoubleArray, basis: DoubleArray) -> DoubleArray:
    """Return basisᵀ · matrix · basis, the first product exact and rounded to the grid 2⁻²⁷."""
    return times(basis.T, on_grid(times(matrix, basis), UNIT / 4))


def _eigenbasis(matrix: DoubleArray, noise: float) -> DoubleArray:
    """Return about orthonormal columns, nearly eigenvectors of a symmetric matrix on the grid, of norm 1 at most.

    The space is split into those of eigenvalues above and below their mean, where the polar factor of the matrix less
    its mean has eigenvalues 1 and −1, and each part again. Eigenvalues that differ by less than ``noise`` are equal.
    """
    dim = len(matrix)
    identity = np.eye(dim)
    centred = matrix - identity * (total(np.diag(matrix)) / max(1, dim))
    norm = total(np.abs(centred), 0).max(initial=0)
    if norm < noise:
        return identity
    unit = unit_below(norm, 0)
    spread = on_grid(centred / unit, UNIT)
    if dim == 2:
        return _eigenbasis_of_two(*spread[0].tolist())
    sides = polar(spread)
    n_above = round((total(np.diag(sides)) + dim) / 2)
    parts = []
    for side, n_columns in ((sides, n_above), (-sides, dim - n_above)):
        basis = _basis_of((identity + side) / 2, n_columns)
        if basis is None or n_columns == dim:
            return identity
        part = on_grid(_turned(spread, basis), UNIT)
        parts.append(product(basis, _eigenbasis(part, noise / unit)))
    return np.hstack(parts)


def _basis_of(projection: DoubleArray, n_columns: int) -> DoubleArray | None:
    """Return orthonormal columns that span what a projection leaves: the polar factor of random vectors in there.

    Where these are nearly dependent, their polar factor is not quite in there, and is projected again. ``None`` if
    there are no columns, or that does not help.
    """
    rng = draws.generator(n_columns)
    inside = product(projection, _near_one(draws.bell(rng, (len(projection), n_columns))))
    for _ in range(TRIES if n_columns else 0):
        basis = polar(inside)
        inside = product(projection, basis)
        if largest_magnitude(inside - basis) < OUTSIDE:
            return basis
    return None


def _eigenbasis_of_two(a: float, b: float) -> DoubleArray:
    """Return the eigenvectors of [[a, b], [b, −a]]."""
    value = math.sqrt(a * a + b * b)
    x, y = (a + value, b) if a > 0 else (b, value - a)
    length = math.sqrt(x * x + y * y)
    return np.array([[x, -y], [y, x]]) / length


def _straightened(matrix: DoubleArray, directions: DoubleArray) -> DoubleArray:
    """Return directions nearer to the eigenvectors of a symmetric matrix: one step of first-order perturbation."""
    turned = _turned(matrix, directions)
    values = np.diag(turned)
    gaps = values - values[:, None]
    apart = np.abs(gaps) > max(4, math.sqrt(len(matrix))) * np.abs(turned)
    return polar(directions + product(directions, np.where(apart, turned / np.where(apart, gaps, 1), 0)))


def random_orthogonal(n_rows: int, n_columns: int, rng: np.random.Generator) -> DoubleArray:
    """Return a random matrix, shape (n_rows, n_columns), with orthonormal rows or columns, whichever are fewer.

    The polar factor of a Gaussian matrix is uniformly distributed; this one is that of a nearly Gaussian matrix.
    """
    return polar(draws.bell(rng, (n_rows, n_columns)))


def isotropy(vectors: FloatArray) -> float:
    """I(X), the first of :func:`isotropies`."""
    return isotropies(vectors)[0]


def isotropies(vectors: FloatArray) -> tuple[float, float]:
    """Return I(X) and its estimate Î(X) [Liao 2020, eq. 3-5]; 1 and 1 for no rows.

    I(X) = min Z(e) / max Z(e) with Z(e) = Σ exp(eᵀx), in [0, 1]. The unit vectors e are the right singular vectors of
    X and their negatives, as in [Mu 2017]. Î(X) comes from the sum of the rows and the extreme singular values of X;
    it is below 0 where its expansion does not hold (rows far from the origin).
    """
    if not len(vectors):
        return 1.0, 1.0
    with single_threaded_blas():
        squares, directions = np.linalg.eigh(covariance(vectors, np.zeros(vectors.shape[1], np.float32)))

    def partition_of(rows: slice) -> tuple[float, DoubleArray]:
        """Z of some rows without a factor, and the factor's logarithm, which keeps exp in range."""
        along = vectors[rows].astype(np.float64) @ directions
        shift = float(np.abs(along).max())
        return shift, np.concatenate([np.exp(along - shift).sum(axis=0), np.exp(-along - shift).sum(axis=0)])

    parts = list(map_blocks(partition_of, len(vectors)))
    largest = max(shift for shift, _ in parts)
    partition = np.sum([np.exp(shift - largest) * part for shift, part in parts], axis=0)
    centre = float(np.linalg.norm(vectors.sum(axis=0, dtype=np.float64)))
    low = len(vectors) - centre + max(squares[0], 0.0) / 2
    high = len(vectors) + centre + squares[-1] / 2
    return float(partition.min() / partition.max()), float(low / high)
