"""Additive quantization: a row is approximated by a sum of one codeword from each of D codebooks.

[Babenko 2014]; codebooks started as residual k-means [Chen 2010], assigned by beam search and local search,
re-estimated by least squares as in LSQ [Martinez 2016].

Shapes: codebooks float32 (D, K, d); codes uint16 (n, D); targets float32 (n, d). The search needs no target itself,
only its products with the codewords, because

    ½‖x − Σ_j w_j‖² − ½‖x‖² = Σ_j (½‖w_j‖² − x·w_j) + Σ_{i<j} w_i·w_j

with the first sum the *unary* costs (one matrix product for all codebooks) and the second looked up in tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, Symbols
from embcomp.compressors.kmeans import progressive_kmeans, seeded_kmeans, sums_by_symbol
from embcomp.memory import require_memory
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, map_blocks, single_threaded_blas

TABLE_WORDS = 8192  # up to this many codewords (D·K), all their products are kept: at most 256 MB
DIRECT_WORDS = 4096  # up to this many, least squares is solved at once: at most 128 MB
BLOCK_SCORES = 2**18  # floats of scores in a block: 1 MB, within a core's second-level cache
LOOKUP_FLOPS = 8  # a float added from a table takes as long as this many multiply-adds of a matrix product
TILE_ROWS = 64  # blocks are padded to whole tiles, so that a product rounds alike for one row and for many
SAMPLE_PER_CENTROID = 256
SEEDED_ITERATIONS = 12
KMEANS_ITERATIONS = 5
KMEANS_WIDTHS = 8
LOCAL_SWEEPS = 3
RIDGE = 1.0  # in rows: weight of a codeword's previous value
GAUSS_SEIDEL_SWEEPS = 3


def sum_of_codewords(codebooks: FloatArray, codes: NDArray[np.unsignedinteger]) -> FloatArray:
    """Return Σ_j codebooks[j, codes[:, j]], float32, shape (n, d)."""
    total = np.zeros((len(codes), codebooks.shape[2]), dtype=np.float32)
    for j, codebook in enumerate(codebooks):
        total += codebook[codes[:, j]]
    return total


def squared_error(targets: FloatArray, codebooks: FloatArray, codes: Symbols) -> float:
    """Return ‖X − X̂‖², summed in float64."""

    def of_block(rows: slice) -> float:
        difference = targets[rows] - sum_of_codewords(codebooks, codes[rows])
        return float(np.vdot(difference, difference))

    return sum(map_blocks(of_block, len(targets)))


class Search:
    """Looks for the codes of rows, given the codebooks."""

    def __init__(self, codebooks: FloatArray) -> None:
        """Take codebooks, float32, shape (D, K, d)."""
        self.codebooks = codebooks
        self.dims, self.ways, self.dim = (int(length) for length in codebooks.shape)
        flat = codebooks.reshape(-1, self.dim)
        self._half_norms = np.einsum("wd,wd->w", flat, flat) / 2
        self._transposed = np.ascontiguousarray(flat.T)
        self._half_norms_by_book = self._half_norms.reshape(self.dims, self.ways)
        self._by_book = np.ascontiguousarray(codebooks.transpose(0, 2, 1))
        self._products: FloatArray | None = None
        if len(flat) <= TABLE_WORDS:
            require_memory(8 * len(flat) ** 2, f"products of {len(flat)} codewords")
            with single_threaded_blas():
                products = (flat @ self._transposed).reshape(self.dims, self.ways, self.dims, self.ways)
            self._products = np.ascontiguousarray(products.transpose(2, 0, 1, 3))  # [j, i, word of i, word of j]

    def unary(self, targets: FloatArray) -> FloatArray:
        """½‖w‖² − x·w for every codeword, float32, shape (n, D, K)."""
        costs = targets @ self._transposed
        np.subtract(self._half_norms, costs, out=costs)
        return costs.reshape(len(targets), self.dims, self.ways)

    def add_products(self, scores: FloatArray, codes: Symbols, j: int) -> None:
        """Add Σ_{i<j} w_i·w to ``scores`` (n, K) for every codeword w of codebook ``j``.

        By table where few words are added (a row of K numbers each), else by their sum (one product of n·d·K).
        """
        if self._products is not None and j * LOOKUP_FLOPS <= self.dim:
            for i in range(j):
                scores += self._products[j, i][codes[:, i]]
        elif j:
            scores += sum_of_codewords(self.codebooks[:j], codes) @ self._by_book[j]

    def beam(self, unary: FloatArray, width: int) -> Symbols:
        """Return codes found by beam search: after each codebook, the ``width`` best prefixes are kept."""
        beam = Beam.empty(len(unary))
        for j in range(self.dims):
            beam = self.extend(beam, unary[:, j], j, width if j + 1 < self.dims else 1)
        return beam.codes[:, 0]

    def extend(self, beam: Beam, unary: FloatArray, j: int, width: int) -> Beam:
        """Add a symbol of codebook ``j`` to every prefix; ``unary`` float32 (n, K)."""
        n_rows, n_kept, _ = beam.codes.shape
        scores = (unary[:, None, :] + beam.costs[:, :, None]).reshape(n_rows * n_kept, self.ways)
        self.add_products(scores, beam.codes.reshape(n_rows * n_kept, j), j)
        scores = scores.reshape(n_rows, n_kept * self.ways)
        width = min(width, scores.shape[1])
        codes = np.empty((n_rows, width, j + 1), dtype=np.uint16)
        costs = np.empty((n_rows, width), dtype=np.float32)
        row = np.arange(n_rows)
        for place in range(width):
            best = scores.argmin(axis=1)
            costs[:, place] = scores[row, best]
            scores[row, best] = np.inf
            codes[:, place, :j] = beam.codes[row, best // self.ways]
            codes[:, place, j] = best % self.ways
        return Beam(codes, costs)

    def improve(self, targets: FloatArray, codes: Symbols, sweeps: int) -> None:
        """Change one symbol at a time, in place, to the best given the others (iterated conditional modes).

        With r the residual of all D words, the costs of codebook j without its present word w are
        ½‖w'‖² − (r + w)·w'. Rows that a sweep has not changed are done.
        """
        active = np.arange(len(targets))
        for _ in range(sweeps):
            rows = padded(targets[active])
            found = np.concatenate([codes[active], np.zeros((len(rows) - len(active), self.dims), dtype=np.uint16)])
            before = found.copy()
            self._sweep(rows - sum_of_codewords(self.codebooks, found), found)
            codes[active] = found[: len(active)]
            active = active[(found != before)[: len(active)].any(axis=1)]
            if not len(active):
                return

    def _sweep(self, residual: FloatArray, codes: Symbols) -> None:
        for j, words in enumerate(self.codebooks):
            present = codes[:, j]
            residual += words[present]
            scores = residual @ self._by_book[j]
            np.subtract(self._half_norms_by_book[j], scores, out=scores)
            best = scores.argmin(axis=1)
            residual -= words[best]
            codes[:, j] = best

    def block_rows(self, width: int) -> int:
        """Rows to search at once."""
        per_row: int = self.ways * width
        return max(1, BLOCK_SCORES // per_row // TILE_ROWS) * TILE_ROWS

    def encode(self, targets: FloatArray, width: int, sweeps: int = LOCAL_SWEEPS) -> Symbols:
        """Return codes, uint16 (n, D), by beam search and then local search; a row's do not depend on the others."""
        codes = np.empty((len(targets), self.dims), dtype=np.uint16)

        def of_block(rows: slice) -> None:
            block = padded(targets[rows])
            found = self.beam(self.unary(block), width)
            self.improve(block, found, sweeps)
            codes[rows] = found[: len(targets[rows])]

        for_blocks(of_block, len(targets), self.block_rows(width))
        return codes

    def improve_all(self, targets: FloatArray, codes: Symbols, sweeps: int = LOCAL_SWEEPS) -> None:
        """Local search from given codes, in place."""

        def of_block(rows: slice) -> None:
            self.improve(targets[rows], codes[rows], sweeps)

        for_blocks(of_block, len(targets), self.block_rows(1))


@dataclass
class Beam:
    """The best prefixes of each row: codes uint16 (n, width, j), costs float32 (n, width), best first."""

    codes: Symbols
    costs: FloatArray

    @classmethod
    def empty(cls, n_rows: int) -> Beam:
        """One empty prefix a row."""
        return cls(np.empty((n_rows, 1, 0), dtype=np.uint16), np.zeros((n_rows, 1), dtype=np.float32))


def padded(rows: FloatArray) -> FloatArray:
    """Return ``rows`` with rows of zeros up to a whole number of tiles."""
    missing = -len(rows) % TILE_ROWS
    return np.concatenate([rows, np.zeros((missing, rows.shape[1]), dtype=np.float32)]) if missing else rows


def least_squares(targets: FloatArray, codes: Symbols, codebooks: FloatArray) -> FloatArray:
    """Return the codebooks that minimise ‖X − X̂‖² for given codes, near the present ones where that leaves a choice.

    With S the one-hot matrix of the codes, shape (n, D·K), and W the present codebooks: (SᵀS + λI) Δ = Sᵀ(X − SW),
    and W + Δ is returned. SᵀS holds how often two symbols occur together. Where D·K is too large for that matrix, the
    codebooks are moved one after the other instead (Gauss-Seidel).
    """
    dims, ways, dim = codebooks.shape
    if dims * ways > DIRECT_WORDS:
        return _gauss_seidel(targets, codes, codebooks)
    from scipy.linalg import cho_factor, cho_solve

    right = sums_by_symbol(_residual(targets, codebooks, codes), codes, ways).reshape(-1, dim)
    together = co_occurrences(codes, ways)
    together[np.diag_indices(dims * ways)] += RIDGE
    with single_threaded_blas():
        factor = cho_factor(together, lower=True, overwrite_a=True, check_finite=False)
        delta = cho_solve(factor, right, check_finite=False)
    return (codebooks + delta.reshape(codebooks.shape)).astype(np.float32)


def co_occurrences(codes: Symbols, ways: int) -> DoubleArray:
    """Return SᵀS: in how many rows two symbols occur together, float64, shape (D·K, D·K)."""
    dims = codes.shape[1]
    out = np.zeros((dims, ways, dims, ways), dtype=np.float64)
    wide = codes.T.astype(np.intp)
    for i in range(dims):
        for j in range(i, dims):
            counts = np.bincount(wide[i] * ways + wide[j], minlength=ways * ways).reshape(ways, ways)
            out[i, :, j] = counts
            out[j, :, i] = counts.T
    return out.reshape(dims * ways, dims * ways)


def _residual(targets: FloatArray, codebooks: FloatArray, codes: Symbols) -> FloatArray:
    out = np.empty_like(targets)

    def of_block(rows: slice) -> None:
        np.subtract(targets[rows], sum_of_codewords(codebooks, codes[rows]), out=out[rows])

    for_blocks(of_block, len(targets))
    return out


def _gauss_seidel(targets: FloatArray, codes: Symbols, codebooks: FloatArray) -> FloatArray:
    codebooks = codebooks.copy()
    residual = _residual(targets, codebooks, codes)
    dims, ways, _ = codebooks.shape
    for _ in range(GAUSS_SEIDEL_SWEEPS):
        for j in range(dims):
            symbols = codes[:, j]
            counts = np.bincount(symbols, minlength=ways)[:, None]
            delta = (sums_by_symbol(residual, symbols[:, None], ways)[0] / (counts + RIDGE)).astype(np.float32)
            codebooks[j] += delta
            residual -= delta[symbols]
    return codebooks


def residual_codebooks(
    targets: FloatArray, dims: int, ways: int, width: int, rng: np.random.Generator, progress: Progress = no_progress
) -> tuple[FloatArray, Symbols]:
    """Return codebooks and codes by residual k-means: each codebook for the residuals of the best prefixes so far."""
    n_rows, dim = targets.shape
    codebooks = np.zeros((dims, ways, dim), dtype=np.float32)
    beam = Beam.empty(n_rows)
    for j in range(dims):
        progress("codebooks", j, dims)
        residual = _residual(targets, codebooks[:j], beam.codes[:, 0])
        if j == 0:  # rows have clusters, the residuals after the first codebook have few
            codebooks[j] = seeded_kmeans(residual, ways, rng, SEEDED_ITERATIONS, SAMPLE_PER_CENTROID * ways)
        else:
            codebooks[j] = progressive_kmeans(
                residual, ways, rng, KMEANS_ITERATIONS, KMEANS_WIDTHS, SAMPLE_PER_CENTROID * ways
            )
        beam = _extend_all(targets, codebooks[: j + 1], beam, width if j + 1 < dims else 1)
    progress("codebooks", dims, dims)
    return codebooks, beam.codes[:, 0].copy()


def _extend_all(targets: FloatArray, codebooks: FloatArray, beam: Beam, width: int) -> Beam:
    """Extend the prefixes of all rows by a symbol of the last codebook."""
    search, j = Search(codebooks), len(codebooks) - 1
    width = min(width, beam.codes.shape[1] * search.ways)
    out = Beam(
        np.empty((len(targets), width, j + 1), dtype=np.uint16), np.empty((len(targets), width), dtype=np.float32)
    )
    transposed = np.ascontiguousarray(codebooks[j].T)
    half_norms = np.einsum("kd,kd->k", codebooks[j], codebooks[j]) / 2

    def of_block(rows: slice) -> None:
        unary = half_norms - targets[rows] @ transposed
        extended = search.extend(Beam(beam.codes[rows], beam.costs[rows]), unary, j, width)
        out.codes[rows], out.costs[rows] = extended.codes, extended.costs

    for_blocks(of_block, len(targets), search.block_rows(width))
    return out


def fit_additive(
    targets: FloatArray,
    dims: int,
    ways: int,
    width: int,
    iterations: int,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[FloatArray, Symbols, list[float]]:
    """Fit codebooks to ``targets``: residual k-means, then least squares and local search alternately.

    Returns:
        Codebooks float32 (D, K, d), codes uint16 (n, D), and the squared errors ‖X − X̂‖² after the start and after
        each iteration; an iteration that would raise the error is undone and ends the fit.
    """
    codebooks, codes = residual_codebooks(targets, dims, ways, width, rng, progress)
    errors = [squared_error(targets, codebooks, codes)]
    for iteration in range(iterations if len(targets) else 0):
        progress("least squares", iteration, iterations)
        moved = least_squares(targets, codes, codebooks)
        again = codes.copy()
        Search(moved).improve_all(targets, again)
        error = squared_error(targets, moved, again)
        if not error < errors[-1]:
            break
        codebooks, codes = moved, again
        errors.append(error)
    progress("least squares", iterations, iterations)
    return codebooks, codes, errors
