"""KD codes [Chen, Min, Sun 2017, "Learning K-way D-dimensional discrete code for compact embedding representations"].

kd-codes.txt: a word is D symbols of K values, and its vector is f of D code embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Option, Real
from embcomp.compressors.additive import Search, Symbols, padded, sum_of_codewords
from embcomp.compressors.base import CodeLayout, Compressor, State, Summary, state_array
from embcomp.compressors.binary import head
from embcomp.compressors.composition import LinearComposition, LstmComposition
from embcomp.compressors.iiq import dominant_directions
from embcomp.compressors.itq import RANDOM_STATE, require_below_dim
from embcomp.compressors.kd_facts import collisions, utilisation
from embcomp.compressors.kd_lstm import LstmSearch, compose
from embcomp.compressors.kd_solvers import (
    Fitted,
    Sizes,
    alternate_linear,
    alternate_lstm,
    random_codes,
    random_linear,
    random_lstm,
    straight_through,
)
from embcomp.compressors.kd_training import Training, logits_bytes
from embcomp.embedding import FloatMatrix, mean_rows
from embcomp.errors import CorruptError, ParameterError
from embcomp.linear import covariance, principal_directions
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, map_blocks

FloatArray = NDArray[np.float32]

LOGITS_LIMIT = 2 * 10**9  # bytes of logits and their moments that straight-through training may take

DEFAULTS: dict[str, dict[str, Any]] = {
    "iterations": {"alternate": 4},
    "epochs": {"ste": 100, "lstm": 30},
    "batch_size": {"ste": 256, "lstm": 256},
    "learning_rate": {"ste": 0.01, "lstm": 0.003},
    "temperature": {"ste": 1.0},
    "decay": {"ste": 0.1},
}
"""What 'auto' stands for, by the solver or composition that the option has an effect on; the first that applies."""


class KdCompressor(Compressor):
    """D symbols of K values; a vector is composed of one code embedding per symbol.

    v = f(W^1_{c_1}, …, W^D_{c_D}), with f linear, (Σ_j W^j_{c_j})ᵀ H, or an LSTM whose outputs are summed and
    multiplied by H (kd-codes.txt §2.2). ``solver`` says how codes and f are learnt (§2.3, eq. 1, given vectors):

    ``alternate``  codes by search, codebooks by least squares, in turn (:mod:`embcomp.compressors.additive`); with an
                   LSTM, codes by search, f by Adam (:mod:`embcomp.compressors.kd_lstm`).
    ``ste``        the paper's Algorithm 1 (:mod:`embcomp.compressors.kd_training`).
    ``random``     the paper's baseline: random codes, only f is learnt.

    Where we differ: by default rows lose their dominant directions first, as in IIQ, and learning sees the first
    ``fit_rows`` rows; the codes of the others are searched for. With ``ste``, t of the temperature counts epochs.

    Attributes:
        mean_: subtracted first, float32 (d,).
        removed_: directions set to 0, orthonormal rows, float32 (r, d).
        codebooks_: W, the code embeddings, float32 (D, K, d').
        composition_: f.
        surrogate_: only with an LSTM: codebooks, float32 (D, K, d), whose sums are near its outputs; the search for
            codes starts from them.
    """

    name = "kd"
    summary = "D symbols of K values, vectors composed from codebooks (Chen et al. 2017)"
    options: ClassVar[tuple[Option, ...]] = (
        Option("ways", Integer(2, 65536), 64, "values K of a symbol"),
        Option(
            "dims",
            Either(Integer(1, 4096), OneOf("auto")),
            "auto",
            "symbols D a word; 'auto' for one bit a dimension or a little less",
        ),
        Option("code_dim", Either(Integer(1, 65536), OneOf("dim")), "dim", "numbers d' of a code embedding"),
        Option("compose", OneOf("linear", "lstm"), "linear", "how code embeddings become a vector"),
        Option("solver", OneOf("alternate", "ste", "random"), "alternate", "how codes are learnt"),
        Option("beam", Integer(1, 256), 5, "prefixes that the search for codes keeps"),
        Option(
            "iterations",
            Either(Integer(0, 10**6), OneOf("auto")),
            "auto",
            "rounds of least squares and search at most, for --solver alternate; 'auto' for 4",
        ),
        Option(
            "epochs",
            Either(Integer(1, 10**6), OneOf("auto")),
            "auto",
            "passes over the rows, for --solver ste ('auto' for 100) or --compose lstm (30)",
        ),
        Option(
            "batch_size",
            Either(Integer(1), OneOf("auto")),
            "auto",
            "rows a step, for --solver ste or --compose lstm; 'auto' for 256",
        ),
        Option(
            "learning_rate",
            Either(Real(0, open_ends=True), OneOf("auto")),
            "auto",
            "first step size of Adam, for --solver ste ('auto' for 0.01) or --compose lstm (0.003)",
        ),
        Option(
            "temperature",
            Either(Real(0, open_ends=True), OneOf("auto")),
            "auto",
            "T0 of the softmax, for --solver ste; 'auto' for 1",
        ),
        Option(
            "decay",
            Either(Real(0), OneOf("auto")),
            "auto",
            "T = T0 / (1 + decay · epoch), for --solver ste; 'auto' for 0.1",
        ),
        Option(
            "remove_top",
            Either(Integer(0), OneOf("auto")),
            "auto",
            "set the top D singular values to 0; 'auto' removes those that stand out",
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
    composition_: LinearComposition | LstmComposition
    surrogate_: FloatArray

    def __init__(
        self,
        ways: int = 64,
        dims: int | str = "auto",
        code_dim: int | str = "dim",
        compose: str = "linear",
        solver: str = "alternate",
        beam: int = 5,
        iterations: int | str = "auto",
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        temperature: float | str = "auto",
        decay: float | str = "auto",
        remove_top: int | str = "auto",
        fit_rows: int | str = 50_000,
        random_state: int = 0,
    ) -> None:
        self.ways = ways
        self.dims = dims
        self.code_dim = code_dim
        self.compose = compose
        self.solver = solver
        self.beam = beam
        self.iterations = iterations
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.decay = decay
        self.remove_top = remove_top
        self.fit_rows = fit_rows
        self.random_state = random_state

    @classmethod
    def options_for_bits(cls, n_bits: int, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """As many symbols as ``n_bits`` hold, or a single narrower one."""
        if "dims" in given:
            return None
        width = symbol_bits((cls.defaults() | dict(given))["ways"])
        return {"dims": n_bits // width} if n_bits >= width else {"dims": 1, "ways": 2**n_bits}

    def check_config(self) -> None:
        """Judge the options; one that has no effect must be left at 'auto'."""
        super().check_config()
        for name, by_kind in DEFAULTS.items():
            value = getattr(self, name)
            if value != "auto" and not {self.solver, self.compose} & by_kind.keys():
                raise ParameterError(
                    f"{self.name}: --{name.replace('_', '-')} has no effect with --solver {self.solver} "
                    f"--compose {self.compose}, got {value!r}"
                )

    def _value(self, name: str) -> Any:
        """An option's value, with 'auto' replaced."""
        value = getattr(self, name)
        kinds = [kind for kind in (self.solver, self.compose) if kind in DEFAULTS[name]]
        return DEFAULTS[name][kinds[0]] if value == "auto" else value

    # Learning

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Learn f from the first ``fit_rows`` rows."""
        rows, symbols = self._fit(vectors, progress)
        self._report = self._describe(rows, symbols)
        return self

    def fit_encode(
        self,
        vectors: FloatMatrix,
        row_ids: NDArray[np.int64] | None = None,
        progress: Progress = no_progress,
    ) -> BytesArray:
        """Learn, and return the codes of all rows.

        With ``ste``, the fit rows keep the codes that they were learnt with, though ``encode`` would find better
        ones; with ``random``, all codes are random.
        """
        rows, learnt = self._fit(vectors, progress)
        self._report = self._describe(rows, learnt)
        rest = vectors[len(learnt) :]
        if self.solver == "alternate":
            symbols = self._search_all(vectors, progress)
        elif self.solver == "ste":
            symbols = np.concatenate([learnt, self._search_all(rest, progress)])
        else:
            rng = np.random.default_rng([self.random_state, 1])
            symbols = np.concatenate([learnt, random_codes(len(rest), learnt.shape[1], self.ways, rng)])
        return bits.pack_symbols(symbols, self.layout.symbol_bits)

    @property
    def head_rows(self) -> int | None:
        """``fit_rows``, unless codes belong to rows and not to their vectors."""
        return super().head_rows if self.solver == "alternate" else None

    @property
    def needs_all_rows(self) -> bool:
        """Codes that belong to rows are made while their rows are there."""
        return self.solver != "alternate"

    def fit_summary(self, summary: Summary, progress: Progress = no_progress) -> Self:
        """Learn f from a sample of the rows; a code is searched for each row afterwards.

        Raises:
            ParameterError: codes belong to rows, see :attr:`needs_all_rows`.
        """
        if self.needs_all_rows:
            return super().fit_summary(summary, progress)
        return self.fit(summary.sample, progress)

    def _fit(self, vectors: FloatMatrix, progress: Progress) -> tuple[FloatMatrix, Symbols]:
        """Learn; return the fit rows, and their codes as learnt with f."""
        self._require_matrix(vectors)
        rows = head(self.name, vectors, self.fit_rows)
        sizes = self._sizes(len(rows), vectors.shape[1])
        self._forget()
        self.mean_ = mean_rows(rows)
        singular_values, directions = principal_directions(covariance(rows, self.mean_))
        n_removed = self._n_removed(singular_values.astype(np.float32))
        self.removed_ = _rows_of(directions[:, :n_removed])
        kept = _rows_of(np.roll(directions, -n_removed, axis=1))
        fitted = self._solve(self._prepare_all(rows), sizes, kept, progress)
        self.codebooks_ = np.ascontiguousarray(fitted.codebooks)
        self.composition_, self.surrogate_ = fitted.composition, fitted.surrogate
        return rows, fitted.symbols

    def _sizes(self, n_rows: int, dim: int) -> Sizes:
        """D, K, d', or a refusal."""
        dims = max(1, dim // symbol_bits(self.ways)) if isinstance(self.dims, str) else self.dims
        code_dim = dim if isinstance(self.code_dim, str) else self.code_dim
        if code_dim > dim and self.compose == "linear":
            raise ParameterError(
                f"{self.name}: --code-dim must be at most the number of dimensions ({dim}) with --compose linear, "
                f"got {code_dim}"
            )
        needed = logits_bytes(n_rows, dims, self.ways)
        if self.solver == "ste" and needed > LOGITS_LIMIT:
            raise ParameterError(
                f"{self.name}: --solver ste needs {needed / 1e9:.2f} GB for the logits of {n_rows} words "
                f"({n_rows} × {dims} × {self.ways} × 12 bytes), more than {LOGITS_LIMIT / 1e9:.2f} GB; "
                "learn from fewer with --fit-rows, the codes of the others are searched for"
            )
        return Sizes(dims, self.ways, code_dim, self.beam)

    def _solve(self, targets: FloatArray, sizes: Sizes, directions: FloatArray, progress: Progress) -> Fitted:
        rng = np.random.default_rng(self.random_state)
        if self.solver == "ste":
            return straight_through(targets, sizes, self.compose, self._training(), rng, progress)
        if self.solver == "random":
            if self.compose == "linear":
                return random_linear(targets, sizes, directions, rng)
            return random_lstm(targets, sizes, self._training(), rng, progress)
        iterations = self._value("iterations")
        if self.compose == "linear":
            return alternate_linear(targets, sizes, directions, iterations, rng, progress)
        return alternate_lstm(targets, sizes, iterations, self._training(), rng, progress)

    def _training(self) -> Training:
        training = Training(self._value("epochs"), self._value("batch_size"), self._value("learning_rate"))
        if self.solver == "ste":
            return replace(training, temperature=self._value("temperature"), decay=self._value("decay"))
        return training

    def _forget(self) -> None:
        """Drop what is derived from an earlier fit."""
        for name in ("_effective", "_search"):
            self.__dict__.pop(name, None)

    def _n_removed(self, singular_values: FloatArray) -> int:
        if isinstance(self.remove_top, str):
            return dominant_directions(singular_values)
        require_below_dim(self.name, self.remove_top, len(singular_values))
        return self.remove_top

    def _prepare(self, rows: FloatMatrix) -> FloatArray:
        """What is composed: rows centred, without the removed directions."""
        centred = rows - self.mean_
        if len(self.removed_):
            centred -= (centred @ self.removed_.T) @ self.removed_
        return centred

    def _prepare_all(self, vectors: FloatMatrix) -> FloatArray:
        out = np.empty(vectors.shape, dtype=np.float32)

        def of_block(rows: slice) -> None:
            n_rows = len(vectors[rows])
            out[rows] = self._prepare(padded(vectors[rows]))[:n_rows]

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
        """Return the symbols of codes, uint32 (n, D); those from K on, which no encoder writes, become K − 1."""
        self._require_fitted("codebooks_")
        symbols = bits.unpack_symbols(codes, self.layout.symbols, self.layout.symbol_bits)
        return np.minimum(symbols, np.uint32(self.ways - 1))

    def _compose(self, symbols: NDArray[np.unsignedinteger]) -> FloatArray:
        if isinstance(self.composition_, LstmComposition):
            return compose(self.codebooks_, self.composition_, symbols)
        return sum_of_codewords(self._effective, symbols)

    @property
    def codewords(self) -> FloatArray | None:
        """W H, whose entries a linear composition sums; ``None`` for an LSTM."""
        self._require_fitted("codebooks_")
        return self._effective if isinstance(self.composition_, LinearComposition) else None

    def lookup_tables(self, queries: FloatMatrix) -> FloatArray:
        """Return q · (W^j_k H) for each query, symbol place and value: float32, shape (q, D, K).

        The inner product of a query with a decoded vector is the sum over j of the entries at its symbols.

        Raises:
            ParameterError: the composition is not linear, so that there are no such tables.
        """
        self._require_fitted("codebooks_")
        self._require_dim(queries)
        words = self.codewords
        if words is None:
            raise ParameterError(f"{self.name}: lookup tables need --compose linear, got {self.compose!r}")
        return (queries @ words.reshape(-1, words.shape[2]).T).reshape(len(queries), *words.shape[:2])

    def align(self, vectors: FloatMatrix) -> FloatMatrix:
        """Subtract the mean and take out the removed directions, as encoding does."""
        self._require_dim(vectors)
        return self._prepare(vectors)

    @cached_property
    def _effective(self) -> FloatArray:
        """W H: the code embeddings of a linear composition in the space of the vectors, float32 (D, K, d)."""
        transform = self.composition_.transform
        return self.codebooks_ if transform is None else self.codebooks_ @ transform

    @cached_property
    def _search(self) -> Search | LstmSearch:
        if isinstance(self.composition_, LstmComposition):
            return LstmSearch(self.codebooks_, self.composition_, self.surrogate_)
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
        """Return every fitted array; H has no rows where it is the identity."""
        self._require_fitted("codebooks_")
        transform = self.composition_.transform
        state = {
            "mean": self.mean_,
            "removed": self.removed_,
            "codebooks": self.codebooks_,
            "transform": np.zeros((0, self.dim), dtype=np.float32) if transform is None else transform,
        }
        if isinstance(self.composition_, LstmComposition):
            state |= {
                "recurrent": self.composition_.recurrent,
                "bias": self.composition_.bias,
                "surrogate": self.surrogate_,
            }
        return state

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take fitted arrays."""
        self._forget()
        self.mean_ = state_array(state, "mean", "<f4", None)
        dim = len(self.mean_)
        self.removed_ = state_array(state, "removed", "<f4", None, dim)
        transform = state_array(state, "transform", "<f4", None, dim)
        code_dim = len(transform) or dim
        codebooks = state_array(state, "codebooks", "<f4", None, self.ways, code_dim)
        if not len(codebooks):
            raise CorruptError("state 'codebooks' must hold at least one codebook, got none")
        self.surrogate_ = np.zeros((0, self.ways, dim), dtype=np.float32)
        if self.compose == "lstm":
            recurrent = state_array(state, "recurrent", "<f4", code_dim, 4 * code_dim)
            bias = state_array(state, "bias", "<f4", 4 * code_dim)
            self.composition_ = LstmComposition(
                recurrent, bias, state_array(state, "transform", "<f4", code_dim, dim)
            )
            self.surrogate_ = state_array(state, "surrogate", "<f4", len(codebooks), self.ways, dim)
        else:
            self.composition_ = LinearComposition(transform if len(transform) else None)
        self.codebooks_ = codebooks

    @property
    def decode_state(self) -> frozenset[str]:
        """Decoding needs neither removed directions nor the surrogate."""
        names = {"mean", "codebooks", "transform"}
        return frozenset(names | {"recurrent", "bias"} if self.compose == "lstm" else names)

    # Facts

    @property
    def report(self) -> dict[str, Any]:
        """Of the fit rows and the codes they were learnt with: error, use of the symbols, words that share a code."""
        self._require_fitted("_report")
        return self._report

    def _describe(self, vectors: FloatMatrix, symbols: Symbols) -> dict[str, Any]:
        used, perplexity = utilisation(symbols, self.ways)
        return {
            "fit_rows": len(vectors),
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

        parts = list(map_blocks(of_block, len(vectors)))
        lost, kept, total = (sum(each) for each in zip(*parts, strict=True)) if parts else (0.0, 0.0, 0.0)
        return {
            "source": round((lost + total - kept) / total, 6) if total else 0.0,
            "coded": round(lost / kept, 6) if kept else 0.0,
        }


ENCODE_ROWS = 65536  # rows prepared at once


def symbol_bits(ways: int) -> int:
    """⌈log2 K⌉."""
    return (ways - 1).bit_length()


def _rows_of(directions: NDArray[np.float64]) -> FloatArray:
    return np.ascontiguousarray(directions.T, dtype=np.float32)


def _energy(rows: FloatArray) -> float:
    return float(np.square(rows, dtype=np.float64).sum())
