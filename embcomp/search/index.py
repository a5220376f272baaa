"""Nearest neighbours in a compressed embedding: three similarities, all exact, with ties ordered by rank.

``hamming``     binary codes only. 1 − 2h / bits, where h bits differ: the cosine of ±1 codes.
``asymmetric``  binary codes that decode to sums. The cosine of the query, projected but not rounded to bits, and the
                row's ±1 code.
``decoded``     any method. The cosine of the query and the row's decoded vector: what gensim computes on the
                decompressed file. Where decoded vectors are sums, they are looked up and not decoded.

Scores are in [−1, 1], rounded to 2⁻²⁰; equal scores come in order of rank. A vector of zeros has similarity 0 to
everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embcomp import bits, kernels
from embcomp.arrays import DoubleArray, FloatArray, UInt64Array
from embcomp.checks import Integer
from embcomp.compressors.lookup import Lookup
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError
from embcomp.kernels.best import Part, Rows, all_scores, best_rows, rounded
from embcomp.kernels.hamming import WORD_BYTES, as_lanes, hamming_nearest
from embcomp.memory import require_memory
from embcomp.search.nearest import Inverse, by_hamming, by_vectors
from embcomp.search.tables import Bands, rows_of, sign_tables
from embcomp.shortlist import Ranked
from embcomp.threads import blocks, get_threads, map_blocks, single_threaded_blas

Similarity = Literal["hamming", "asymmetric", "decoded"]

QUERIES_AT_ONCE = 16  # compared with a step of rows while that is in the first-level cache
ONE_SIZE = 1e-5  # relative: far above float32's rounding, far below what separates real weights
SAME_LENGTH = 1e-4  # relative error of lengths that is taken for none


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each query, best first.

    Attributes:
        ranks: int64, shape (queries, k).
        scores: float64, shape (queries, k), descending; equal ones by rank.
    """

    ranks: NDArray[np.int64]
    scores: DoubleArray


class SearchIndex:
    """Searches an embedding's codes. Further structures are built on first use and kept."""

    def __init__(self, encoded: EncodedEmbedding) -> None:
        self._encoded = encoded
        self._compressor = encoded.compressor
        self._layout = encoded.compressor.layout
        self._one_width = len(encoded.codes.bands) == 1

    @property
    def similarities(self) -> tuple[Similarity, ...]:
        """What :meth:`search` offers for this method."""
        if self._layout.kind != "binary" or not self._one_width:
            return ("decoded",)
        return ("hamming", "decoded") if self._directions is None else ("hamming", "asymmetric", "decoded")

    @property
    def default_similarity(self) -> Similarity:
        """``decoded``; ``hamming``, as published, for binary codes that do not decode to sums (NLB)."""
        return "hamming" if self.similarities == ("hamming", "decoded") else "decoded"

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        similarity: Similarity | None = None,
        restrict: int | None = None,
        rescore: int = 0,
    ) -> Neighbours:
        """Return the ``k`` nearest rows of each query, fewer if there are fewer rows.

        Args:
            queries: float32, shape (q, dim), in the space of decoded vectors (see ``Compressor.align``).
            k: at least 1.
            similarity: one of :attr:`similarities`; ``None`` for :attr:`default_similarity`.
            restrict: look at the first so many rows in source order only.
            rescore: take so many candidates by ``similarity``, and of these the ``k`` nearest by ``decoded``.

        Raises:
            ParameterError: an argument is not allowed.
        """
        chosen = similarity or self.default_similarity
        self._check(chosen, k, rescore)
        queries = self._checked(queries)
        n_rows = self._count(restrict)
        found = self._nearest(queries, chosen, max(k, rescore), n_rows)
        if rescore:
            found = [self._rescored(query, ranks, k) for query, (ranks, _) in zip(queries, found, strict=True)]
        return _stacked(found, min(k, n_rows))

    def search_codes(self, codes: bits.BytesArray, k: int, *, restrict: int | None = None) -> Neighbours:
        """Return the ``k`` nearest rows of each code by Hamming distance; ``codes`` are loose rows.

        Raises:
            ParameterError: an argument is not allowed.
        """
        self._check("hamming", k, 0)
        n_rows = self._count(restrict)
        return _stacked(self._nearest_codes(codes, k, n_rows), min(k, n_rows))

    def scores(self, query: FloatArray, *, restrict: int | None = None) -> DoubleArray:
        """Return the ``decoded`` similarity of one query, shape (dim,), to every row in source order: shape (n,)."""
        n_rows = self._count(restrict)
        query = self._checked(query[None, :])[0]
        wide = _unit(query.astype(np.float64))
        parts = self._parts(wide[None, :], "decoded", n_rows)
        if parts is not None:
            return all_scores(parts)
        products = np.empty(n_rows, dtype=np.float64)
        for first, block in self._decoded(n_rows):
            products[first : first + len(block)] = block @ wide.astype(np.float32)
        inverse = self._inverse
        return rounded(products * (inverse if isinstance(inverse, float) else inverse[:n_rows]))

    def of_pair(self, rows: NDArray[np.int64]) -> float:
        """Return the ``decoded`` similarity of two rows, shape (2,)."""
        if self._common_norm is not None:  # then it is that of their codes, without float32's rounding
            first, second = bits.first_bits(self._encoded.codes_at(rows), self._layout.symbols)
            distance = int(np.bitwise_count(first ^ second).sum())
            return float(rounded(np.float64(1 - 2 * distance / self._layout.symbols)))
        first, second = self._encoded.decode_rows(rows).astype(np.float64)
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        return float(rounded(np.float64(first @ second / lengths))) if lengths else 0.0

    @cached_property
    def norms(self) -> FloatArray:
        """Lengths of all decoded vectors in source order, float32, shape (n,).

        Raises:
            CorruptError: one is infinite, or no number.
        """
        if self._common_norm is not None and not self._layout.length_bits:
            return np.full(len(self._encoded), self._common_norm, dtype=np.float32)
        out = np.empty(len(self._encoded), dtype=np.float32)
        for first, block in self._decoded(len(out)):
            with np.errstate(over="ignore", invalid="ignore"):
                out[first : first + len(block)] = np.sqrt(np.einsum("rd,rd->r", block, block))
        if not np.isfinite(out).all():
            row = int(np.argmin(np.isfinite(out)))
            raise CorruptError(f"row {row} decodes to numbers that are too large to be compared")
        return out

    def _nearest(self, queries: FloatArray, similarity: Similarity, k: int, n_rows: int) -> list[Ranked]:
        if similarity == "hamming":
            return self._nearest_codes(self._encode(queries), k, n_rows)
        wide = np.array([_unit(query.astype(np.float64)) for query in queries]).reshape(queries.shape)
        if self._directions is not None or self._bands is not None:

            def nearest(some: slice) -> list[Ranked]:
                return best_rows(self._parts(wide[some], similarity, n_rows) or [], k)

            size = max(1, min(QUERIES_AT_ONCE, -(-len(wide) // get_threads())))
            return [one for part in map_blocks(nearest, len(wide), size) for one in part]
        return by_vectors(self._decoded(n_rows), wide.astype(np.float32), self._inverse, k)

    def _nearest_codes(self, codes: bits.BytesArray, k: int, n_rows: int) -> list[Ranked]:
        rows, queries = self._lanes[:n_rows], as_lanes(bits.first_bits(codes, self._layout.symbols))

        def nearest(some: slice) -> list[Ranked]:
            found = zip(*hamming_nearest(rows, queries[some], k), strict=True)
            return [by_hamming(distances, ranks, self._layout.symbols) for distances, ranks in found]

        return [one for part in map_blocks(nearest, len(queries), QUERIES_AT_ONCE) for one in part]

    def _parts(self, queries: DoubleArray, similarity: Similarity, n_rows: int) -> list[Part] | None:
        """The first rows and the tables of queries of length 1 or 0; ``None`` if vectors are no sums."""
        if self._directions is None:
            return None if self._bands is None else self._bands.parts(queries, n_rows)
        weights = np.array([self._weights(query) for query in queries])
        gains = self._inverse if similarity == "decoded" else 1.0
        if similarity == "asymmetric":  # codes count as ±1
            lengths = np.linalg.norm(weights, axis=1, keepdims=True) * weights.shape[1] ** 0.5
            weights = np.divide(weights, lengths, out=weights, where=lengths > 0)
        return [(replace(self._columns, gains=gains).first(n_rows), sign_tables(weights))]

    def _rescored(self, query: FloatArray, ranks: NDArray[np.int64], k: int) -> Ranked:
        vectors = self._encoded.decode_rows(ranks)
        lengths = np.linalg.norm(vectors, axis=1).astype(np.float64) * float(np.linalg.norm(query))
        inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        scores = rounded((vectors @ query) * inverse)
        order = np.lexsort((ranks, -scores))[:k]
        return ranks[order], scores[order]

    @cached_property
    def _inverse(self) -> Inverse:
        """1 / length of each decoded vector, before lengths are put back; 0 where that is 0."""
        if self._common_norm is not None:
            return 1 / self._common_norm if self._common_norm else 0.0
        norms = self.norms
        if self._layout.length_bits and self._directions is not None:
            norms = self._norms_of_sums(self._directions)
        return np.divide(np.float32(1), norms, out=np.zeros_like(norms), where=norms > 0)

    def _norms_of_sums(self, directions: DoubleArray) -> FloatArray:
        """Lengths of the sums of all rows' directions, float32, shape (n,)."""
        loose, out = self._loose, np.empty(len(self._encoded), dtype=np.float32)
        for rows in blocks(len(out)):
            signs = 2.0 * bits.unpack(loose[rows], len(directions)) - 1
            out[rows] = np.linalg.norm(signs @ directions, axis=1)
        return out

    @cached_property
    def _bands(self) -> Bands | None:
        """All codes, where vectors are sums of what symbols stand for."""
        codes, lookups, rows = self._encoded.codes, list[Lookup](), list[Rows]()
        with single_threaded_blas():  # several would round differently
            for number, lookup in enumerate(self._compressor.lookups[: len(codes.bands)]):
                if lookup is None:
                    return None
                start = codes.bands[number - 1].end if number else 0
                lookups.append(lookup)
                rows.append(rows_of(lookup, codes.loose(number), self._encoded.decode_rows, start))
        return Bands(lookups, rows)

    @cached_property
    def _columns(self) -> Rows:
        """Codes of bits by rank."""
        require_memory(2 * self._loose.size, f"columns of {len(self._encoded)} codes")
        return Rows.laid_out(self._loose)

    @cached_property
    def _directions(self) -> DoubleArray | None:
        """What bits add or take away: shape (bits, dim), or (dim,) for bits with a dimension each."""
        found = self._compressor.bit_directions if self._one_width and self._layout.kind == "binary" else None
        return None if found is None else found.astype(np.float64)

    def _weights(self, query: DoubleArray) -> DoubleArray:
        """Inner products of a query and what each bit adds, shape (bits,).

        Those of a decoded code are all ± one number: then float32's rounding is removed, so that rows that differ
        from it in equally many bits have equal scores.
        """
        directions = np.asarray(self._directions)
        weights: DoubleArray = directions @ query if directions.ndim == 2 else directions * query
        magnitudes = np.abs(weights)
        middle = float(magnitudes.mean()) if len(weights) else 0.0
        if np.abs(magnitudes - middle).max(initial=0.0) > ONE_SIZE * middle:
            return weights
        return np.copysign(middle, weights)

    @cached_property
    def _common_norm(self) -> float | None:
        """The length of all decoded vectors if they have one: ± sums of orthogonal vectors of one length."""
        directions = self._directions
        if directions is None:
            return None
        if directions.ndim == 1:
            return float(np.linalg.norm(directions))
        if len(directions) > directions.shape[1]:
            return None
        products = directions @ directions.T
        square = float(np.trace(products))
        np.fill_diagonal(products, 0)
        return square**0.5 if np.abs(products).sum() <= SAME_LENGTH * square else None

    @property
    def _loose(self) -> bits.BytesArray:
        """Codes by rank without lengths, as loose rows; not kept, since each way to search lays them out anew."""
        layout = self._layout
        return bits.first_bits(self._encoded.codes.all_of_one_width, layout.symbols * layout.symbol_bits)

    @cached_property
    def _lanes(self) -> UInt64Array:
        """Codes by rank, in words of 64 bits, shape (n, n_lanes): the file's own bytes if codes are words."""
        layout = self._layout
        n_bytes = bits.row_bytes(layout.row_bits) + WORD_BYTES * -(-layout.row_bits // (8 * WORD_BYTES))
        require_memory(n_bytes * len(self._encoded), f"{len(self._encoded)} codes of {layout.row_bits} bits")
        lanes = as_lanes(self._loose)
        return np.asfortranarray(lanes) if kernels.native is None else lanes

    def _decoded(self, n_rows: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield first rank and decoded vectors of blocks of the first ``n_rows`` rows."""
        for rows in blocks(n_rows):
            yield rows.start, self._encoded.decode_rows(np.arange(rows.start, rows.stop))

    def _encode(self, queries: FloatArray) -> bits.BytesArray:
        offset = self._compressor.offset
        return self._compressor.encode(queries if offset is None else queries + offset)

    def _count(self, restrict: int | None) -> int:
        if restrict is None:
            return len(self._encoded)
        _require("restrict", restrict)
        return min(restrict, len(self._encoded))

    def _check(self, similarity: str, k: int, rescore: int) -> None:
        if similarity not in self.similarities:
            allowed = " or ".join(repr(name) for name in self.similarities)
            raise ParameterError(f"similarity must be {allowed} for {self._compressor.name}, got {similarity!r}")
        _require("k", k)
        if rescore:
            _require("rescore", rescore)

    def _checked(self, queries: FloatArray) -> FloatArray:
        matrix = np.ascontiguousarray(queries, dtype=np.float32)
        if matrix.ndim != 2 or matrix.shape[1] != self._encoded.dim:
            raise ParameterError(f"queries must have shape (any, {self._encoded.dim}), got {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ParameterError("queries must be finite, got NaN or infinity")
        return matrix


def _unit(vector: DoubleArray) -> DoubleArray:
    """Scale to length 1; zeros stay zeros."""
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _require(name: str, value: int) -> None:
    check = Integer(1)
    if not check.allows(value):
        raise ParameterError(f"{name} must be {check.describe()}, got {value!r}")


def _stacked(found: list[Ranked], k: int) -> Neighbours:
    ranks = np.array([ranks for ranks, _ in found], dtype=np.int64).reshape(len(found), k)
    return Neighbours(ranks, np.array([scores for _, scores in found]).reshape(len(found), k))
