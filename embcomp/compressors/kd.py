"""KD codes [Chen, Min, Sun 2017, "Learning K-way D-dimensional discrete code for compact embedding representations"].

kd-codes.txt: a word is D symbols of K values, and its vector is f of D code embeddings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Option
from embcomp.compressors.additive import Search, Symbols, fit_additive, sum_of_codewords
from embcomp.compressors.base import CodeLayout, Compressor, State, state_array
from embcomp.compressors.binary import head
from embcomp.compressors.iiq import dominant_directions
from embcomp.compressors.itq import RANDOM_STATE, require_below_dim
from embcomp.compressors.linear import covariance, principal_directions
from embcomp.embedding import FloatMatrix, mean_rows
from embcomp.errors import CorruptError, ParameterError
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, map_blocks

FloatArray = NDArray[np.float32]

ITERATIONS = 4


class KdCompressor(Compressor):
    """D symbols of K values; a vector is composed of one code embedding per symbol.

    Attributes:
        mean_: subtracted first, float32 (d,).
        removed_: directions set to 0, orthonormal rows, float32 (r, d).
        codebooks_: W, the code embeddings, float32 (D, K, d').
        transform_: H, float32 (d', d); (0, d) for the identity.
    """

    name = "kd"
    summary = "D symbols of K values, vectors composed from codebooks (Chen et al. 2017)"
    options: ClassVar[tuple[Option, ...]] = (
        Option("ways", Integer(2, 65536), 256, "values K of a symbol"),
        Option(
            "dims",
            Either(Integer(1, 4096), OneOf("auto")),
            "auto",
            "symbols D a word; 'auto' for one bit a dimension",
        ),
        Option("code_dim", Either(Integer(1, 65536), OneOf("dim")), "dim", "numbers d' of a code embedding"),
        Option("beam", Integer(1, 256), 5, "prefixes kept by the beam search for codes"),
        Option("iterations", Integer(0, 10**6), ITERATIONS, "rounds of least squares and search at most"),
        Option(
            "remove_top",
            Either(Integer(0), OneOf("auto")),
            "auto",
            "set the top D singular values to 0 first; 'auto' removes those that stand out",
        ),
        Option(
            "fit_rows",
            Either(Integer(1), OneOf("all")),
            50_000,
            "learn from the first N rows, the most frequent words, or 'all'",
        ),
        RANDOM_STATE,
    )

    mean_: FloatArray
    removed_: FloatArray
    codebooks_: FloatArray
    transform_: FloatArray

    def __init__(
        self,
        ways: int = 256,
        dims: int | str = "auto",
        code_dim: int | str = "dim",
        beam: int = 5,
        iterations: int = ITERATIONS,
        remove_top: int | str = "auto",
        fit_rows: int | str = 50_000,
        random_state: int = 0,
    ) -> None:
        self.ways = ways
        self.dims = dims
        self.code_dim = code_dim
        self.beam = beam
        self.iterations = iterations
        self.remove_top = remove_top
        self.fit_rows = fit_rows
        self.random_state = random_state

    @classmethod
    def options_for_bits(cls, n_bits: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """As many symbols as ``n_bits`` hold, or a single narrower one."""
        if "dims" in given:
            return None
        width = symbol_bits((cls.defaults() | dict(given))["ways"])
        return {"dims": n_bits // width} if n_bits >= width else {"dims": 1, "ways": 2**n_bits}

    # Learning

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Learn codebooks from the first ``fit_rows`` rows."""
        rows, symbols = self._fit(vectors, progress)
        self._report = self._describe(rows, symbols)
        return self

    def fit_encode(
        self,
        vectors: FloatMatrix,
        row_ids: NDArray[np.int64] | None = None,
        progress: Progress = no_progress,
    ) -> BytesArray:
        """Learn, and return the codes of all rows."""
        self._fit(vectors, progress)
        symbols = self._search_all(vectors, progress)
        self._report = self._describe(vectors, symbols)
        return bits.pack_symbols(symbols, self.layout.symbol_bits)

    def _fit(self, vectors: FloatMatrix, progress: Progress) -> tuple[FloatMatrix, Symbols]:
        self._require_matrix(vectors)
        rows = head(self.name, vectors, self.fit_rows)
        rng = np.random.default_rng(self.random_state)
        self._forget()
        self.mean_ = mean_rows(rows)
        singular_values, directions = principal_directions(covariance(rows, self.mean_))
        n_removed = self._n_removed(singular_values.astype(np.float32))
        self.removed_ = _rows_of(directions[:, :n_removed])
        self.transform_ = self._projection(_rows_of(directions[:, n_removed:]))
        targets = self._prepare_all(rows)
        if len(self.transform_):
            targets = targets @ self.transform_.T
        dims = self._n_symbols(vectors.shape[1])
        self.codebooks_, symbols, _ = fit_additive(
            targets, dims, self.ways, self.beam, self.iterations, rng, progress
        )
        return rows, symbols

    def _forget(self) -> None:
        """Drop what is derived from an earlier fit."""
        for name in ("_effective", "_search"):
            self.__dict__.pop(name, None)

    def _n_symbols(self, dim: int) -> int:
        return max(1, round(dim / symbol_bits(self.ways))) if isinstance(self.dims, str) else self.dims

    def _n_removed(self, singular_values: FloatArray) -> int:
        if isinstance(self.remove_top, str):
            return dominant_directions(singular_values)
        require_below_dim(self.name, self.remove_top, len(singular_values))
        return self.remove_top

    def _projection(self, directions: FloatArray) -> FloatArray:
        """H for d' below d: the top d' directions, the best that a linear composition can span."""
        dim = directions.shape[1]
        if isinstance(self.code_dim, str) or self.code_dim == dim:
            return np.zeros((0, dim), dtype=np.float32)
        if self.code_dim > dim:
            raise ParameterError(
                f"{self.name}: --code-dim must be at most the number of dimensions ({dim}) with --compose linear, "
                f"got {self.code_dim}"
            )
        return directions[: self.code_dim]

    def _prepare(self, rows: FloatMatrix) -> FloatArray:
        """What is composed: rows centred, without the removed directions."""
        centred = rows - self.mean_
        if len(self.removed_):
            centred -= (centred @ self.removed_.T) @ self.removed_
        return centred

    def _prepare_all(self, vectors: FloatMatrix) -> FloatArray:
        out = np.empty(vectors.shape, dtype=np.float32)

        def of_block(rows: slice) -> None:
            out[rows] = self._prepare(vectors[rows])

        for_blocks(of_block, len(vectors))
        return out

    # Codes

    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Return the codes found by beam search, then local search, against the fitted codebooks."""
        self._require_fitted("codebooks_")
        self._require_dim(vectors)
        return bits.pack_symbols(self._search_all(vectors, no_progress), self.layout.symbol_bits)

    def _search_all(self, vectors: FloatMatrix, progress: Progress) -> Symbols:
        symbols = np.empty((len(vectors), self.layout.symbols), dtype=np.uint16)
        for start in range(0, len(vectors), ENCODE_ROWS):
            progress("encode", start, len(vectors))
            rows = slice(start, start + ENCODE_ROWS)
            symbols[rows] = self._search.encode(self._prepare_all(vectors[rows]), self.beam)
        progress("encode", len(vectors), len(vectors))
        return symbols

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return the composed vectors, centred."""
        self._require_fitted("codebooks_")
        out = np.empty((len(codes), self.dim), dtype=np.float32)

        def of_block(rows: slice) -> None:
            out[rows] = self._compose(self.symbols(codes[rows]))

        for_blocks(of_block, len(codes))
        return out

    def symbols(self, codes: BytesArray) -> NDArray[np.uint32]:
        """Return the symbols of codes, uint32 (n, D).

        Raises:
            CorruptError: one is not below K.
        """
        self._require_fitted("codebooks_")
        symbols = bits.unpack_symbols(codes, self.layout.symbols, self.layout.symbol_bits)
        if symbols.size and symbols.max() >= self.ways:
            raise CorruptError(f"{self.name}: a code holds symbol {symbols.max()}, but symbols are below {self.ways}")
        return symbols

    def _compose(self, symbols: NDArray[np.unsignedinteger]) -> FloatArray:
        return sum_of_codewords(self._effective, symbols)

    def lookup_tables(self, queries: FloatMatrix) -> FloatArray:
        """Return q · (W^j_k H) for each query, symbol place and value: float32, shape (q, D, K).

        The dot product of a query with a decoded vector is the sum over j of the entries at its symbols.
        """
        self._require_fitted("codebooks_")
        dims, ways, dim = self._effective.shape
        return (queries @ self._effective.reshape(-1, dim).T).reshape(len(queries), dims, ways)

    def squared_norms(self, codes: BytesArray) -> FloatArray:
        """Return ‖v‖² of the decoded vectors, float32 (n,), without keeping them."""
        blocks = [np.zeros(0, dtype=np.float32)]
        blocks += map_blocks(lambda rows: _squared_lengths(self._compose(self.symbols(codes[rows]))), len(codes))
        return np.concatenate(blocks)

    @cached_property
    def _effective(self) -> FloatArray:
        """W H: the code embeddings in the space of the vectors, float32 (D, K, d)."""
        return self.codebooks_ @ self.transform_ if len(self.transform_) else self.codebooks_

    @cached_property
    def _search(self) -> Search:
        return Search(self._effective)

    @property
    def dim(self) -> int:
        """Numbers per decoded vector."""
        self._require_fitted("codebooks_")
        return len(self.mean_)

    @property
    def layout(self) -> CodeLayout:
        """D symbols of ⌈log2 K⌉ bits."""
        self._require_fitted("codebooks_")
        return CodeLayout("indexed", len(self.codebooks_), symbol_bits(self.ways))

    @property
    def offset(self) -> FloatArray:
        """The mean that was subtracted."""
        self._require_fitted("codebooks_")
        return self.mean_

    # State

    def get_state(self) -> State:
        """Return every fitted array."""
        self._require_fitted("codebooks_")
        return {
            "mean": self.mean_,
            "removed": self.removed_,
            "codebooks": self.codebooks_,
            "transform": self.transform_,
        }

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take fitted arrays."""
        self._forget()
        self.mean_ = state_array(state, "mean", "<f4", None)
        dim = len(self.mean_)
        self.removed_ = state_array(state, "removed", "<f4", None, dim)
        codebooks = state_array(state, "codebooks", "<f4", None, self.ways, None)
        self.transform_ = state_array(state, "transform", "<f4", None, dim)
        code_dim = len(self.transform_) or dim
        if not len(codebooks) or codebooks.shape[2] != code_dim:
            raise CorruptError(
                f"state 'codebooks' must have shape (1 or more, {self.ways}, {code_dim}), got {codebooks.shape}"
            )
        self.codebooks_ = codebooks

    @property
    def decode_state(self) -> frozenset[str]:
        """Decoding needs no removed directions."""
        return frozenset({"mean", "codebooks", "transform"})

    # Facts

    @property
    def report(self) -> dict[str, Any]:
        """Error, use of the symbols, words that share a code."""
        self._require_fitted("_report")
        return self._report

    def _describe(self, vectors: FloatMatrix, symbols: Symbols) -> dict[str, Any]:
        used, perplexity = utilisation(symbols, self.ways)
        return {
            "rows": len(vectors),
            "removed": len(self.removed_),
            "relative_squared_error": self._error(vectors, symbols),
            "symbols_used": used,
            "symbols": self.layout.symbols * self.ways,
            "perplexity": perplexity,
            "collisions": collisions(symbols),
        }

    def _error(self, vectors: FloatMatrix, symbols: Symbols) -> dict[str, float]:
        """‖X − X̂‖² / ‖X − mean‖², of the source and of what is left once directions are removed."""

        def of_block(rows: slice) -> tuple[float, float, float]:
            prepared = self._prepare(vectors[rows])
            centred = vectors[rows] - self.mean_
            difference = prepared - self._compose(symbols[rows])
            return _energy(difference), _energy(prepared), _energy(centred)

        lost, kept, all_ = (
            np.sum(list(map_blocks(of_block, len(vectors))), axis=0).tolist() if len(vectors) else (0, 0, 0)
        )
        return {
            "source": round((lost + all_ - kept) / all_, 6) if all_ else 0.0,
            "coded": round(lost / kept, 6) if kept else 0.0,
        }


ENCODE_ROWS = 65536  # rows prepared at once


def symbol_bits(ways: int) -> int:
    """⌈log2 K⌉."""
    return (ways - 1).bit_length()


def utilisation(symbols: Symbols, ways: int) -> tuple[int, list[float]]:
    """Return how many of the D·K symbols occur, and the perplexity of each place, 2^entropy, from 1 to K."""
    used, perplexity = 0, []
    for column in symbols.T:
        counts = np.bincount(column, minlength=ways)
        shares = counts[counts > 0] / max(1, len(column))
        used += len(shares)
        perplexity.append(round(math.exp(-float((shares * np.log(shares)).sum())), 2))
    return used, perplexity


def collisions(symbols: Symbols) -> dict[str, int]:
    """Count distinct codes, and the words that share theirs with another."""
    as_bytes = np.ascontiguousarray(symbols).view(np.dtype((np.void, symbols.shape[1] * symbols.itemsize)))
    _, counts = np.unique(as_bytes, return_counts=True)
    return {"distinct_codes": len(counts), "words_sharing_a_code": int(counts[counts > 1].sum())}


def _rows_of(directions: NDArray[np.float64]) -> FloatArray:
    return np.ascontiguousarray(directions.T, dtype=np.float32)


def _squared_lengths(rows: FloatArray) -> FloatArray:
    lengths: FloatArray = np.einsum("nd,nd->n", rows, rows)
    return lengths


def _energy(rows: FloatArray) -> float:
    return float(np.square(rows, dtype=np.float64).sum())
