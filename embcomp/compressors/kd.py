"""KD codes [Chen 2017]: a word is D symbols of K values, and its vector is f of D code embeddings."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits, draws
from embcomp.arrays import DoubleArray, FloatArray, RowIds, Symbols
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Real, option
from embcomp.compressors.additive import Search, sum_of_codewords
from embcomp.compressors.base import CodeLayout, Compressor, Report, symbol_bits
from embcomp.compressors.composition import LinearComposition, LstmComposition
from embcomp.compressors.dominant import REMOVE_TOP, n_removed
from embcomp.compressors.kd_facts import collisions, utilisation
from embcomp.compressors.kd_lstm import LstmSearch, compose
from embcomp.compressors.kd_solvers import SOLVERS, Problem, random_codes
from embcomp.compressors.kd_training import Training, logits_bytes
from embcomp.compressors.narrow import narrow_codebooks
from embcomp.compressors.options import FIT_ROWS, RANDOM_STATE, auto
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.errors import CorruptError, ParameterError
from embcomp.exact import energy, product, without
from embcomp.linear import covariance, principal_directions
from embcomp.memory import require_memory
from embcomp.progress import Progress
from embcomp.threads import for_blocks, map_blocks

LSTM_NUMBERS = 16  # of a step, for each number of a codeword: gates, their inputs, states
LOGITS_LIMIT = 2 * 10**9  # bytes of logits and their moments that straight-through training may take

DEFAULTS: dict[str, dict[str, Any]] = {
    "iterations": {"alternate": 2},
    "epochs": {"ste": 100, "lstm": 30},
    "batch_size": {"ste": 256, "lstm": 256},
    "learning_rate": {"ste": 0.01, "lstm": 0.003},
    "temperature": {"ste": 1.0},
    "decay": {"ste": 0.1},
}
"""What 'auto' stands for, by the solver or composition that the option has an effect on; the first that applies."""


def _has_lstm(kd: KdCompressor) -> bool:
    return kd.compose == "lstm"


class KdCompressor(Compressor):
    """D symbols of K values; a vector is composed of one code embedding per symbol.

    v = f(W^1_{c_1}, …, W^D_{c_D}), with f linear, (Σ_j W^j_{c_j})ᵀ H, or an LSTM whose outputs are summed and
    multiplied by H [Chen 2017, §2.2]. ``solver`` says how codes and f are learned (§2.3, eq. 1, given vectors):

    ``alternate``  codes by search, codebooks by least squares, in turn (:mod:`embcomp.compressors.additive`); with an
                   LSTM, codes by search, f by Adam (:mod:`embcomp.compressors.kd_lstm`).
    ``ste``        the paper's Algorithm 1 (:mod:`embcomp.compressors.kd_training`).
    ``random``     the paper's baseline: random codes, only f is learned.

    Where we differ: by default rows lose their dominant directions first, as in IIQ, and learning sees the first
    ``fit_rows`` rows; the codes of the others are searched for. With ``ste``, t of the temperature counts epochs.

    Attributes:
        mean_: subtracted first.
        removed_: directions set to 0, orthonormal rows.
        transform_: H; no rows where it is the identity.
        codebooks_: W, the code embeddings, as integers.
        codebook_scales_: what the numbers of each codebook are multiplied with.
        recurrent_, bias_: of the LSTM, see :class:`~embcomp.compressors.composition.LstmComposition`.
        surrogate_: for an LSTM, codebooks whose sums are near its outputs; the search for codes starts from them.
    """

    name = "kd"
    summary = "D symbols of K values, vectors composed from codebooks (Chen et al. 2017)"

    ways: int = option(Integer(2, 65536), "values K of a symbol", default=64, role="ways")
    dims: int | str = auto(
        Integer(1, 4096), "symbols D per word; 'auto' for one bit per dimension or a little less", role="symbols"
    )
    code_dim: int | str = option(
        Either(Integer(1, 65536), OneOf("dim")), "numbers d' of a code embedding", default="dim"
    )
    compose: str = option(OneOf("linear", "lstm"), "how code embeddings become a vector", default="linear")
    solver: str = option(OneOf("alternate", "ste", "random"), "how codes are learned", default="alternate")
    beam: int = option(Integer(1, 256), "prefixes that the search for codes keeps", default=5)
    iterations: int | str = auto(
        Integer(0, 10**6), "rounds of least squares and search at most, for `solver` 'alternate'; 'auto' for 2"
    )
    epochs: int | str = auto(
        Integer(1, 10**6), "passes over the rows, for `solver` 'ste' ('auto' for 100) or `compose` 'lstm' (30)"
    )
    batch_size: int | str = auto(Integer(1), "rows per step, for `solver` 'ste' or `compose` 'lstm'; 'auto' for 256")
    learning_rate: float | str = auto(
        Real(0, open_ends=True),
        "first step size of Adam, for `solver` 'ste' ('auto' for 0.01) or `compose` 'lstm' (0.003)",
    )
    temperature: float | str = auto(Real(0, open_ends=True), "T0 of the softmax, for `solver` 'ste'; 'auto' for 1")
    decay: float | str = auto(Real(0), "T = T0 / (1 + decay · epoch), for `solver` 'ste'; 'auto' for 0.1")
    remove_top: int | str = REMOVE_TOP
    fit_rows: int | str = FIT_ROWS
    random_state: int = RANDOM_STATE

    mean_: FloatArray = array("<f4", "dim", offset=True)
    removed_: FloatArray = array("<f4", "removed", "dim", encodes_only=True)
    transform_: FloatArray = array("<f4", "transform", "dim")
    codebooks_: NDArray[np.int8] = array(
        "|i1", "dims", "ways", lambda kd: kd.extents["transform"] or kd.extents["dim"]
    )
    codebook_scales_: FloatArray = array("<f4", "dims")
    recurrent_: FloatArray = array("<f4", "transform", lambda kd: 4 * kd.extents["transform"], when=_has_lstm)
    bias_: FloatArray = array("<f4", lambda kd: 4 * kd.extents["transform"], when=_has_lstm)
    surrogate_: FloatArray = array("<f4", "dims", "ways", "dim", when=_has_lstm, encodes_only=True)

    def check_config(self) -> None:
        """Check the options; one that has no effect must be left at 'auto'."""
        super().check_config()
        for name, by_kind in DEFAULTS.items():
            value = getattr(self, name)
            if value != "auto" and not {self.solver, self.compose} & by_kind.keys():
                raise ParameterError(
                    f"{self.name}: `{name}` must be 'auto' "
                    f"with `solver` {self.solver!r} and `compose` {self.compose!r}, got {value!r}"
                )

    def _value(self, name: str) -> Any:
        """An option's value, with 'auto' replaced; 0 where it has no effect."""
        value = getattr(self, name)
        defaults = [DEFAULTS[name][kind] for kind in (self.solver, self.compose) if kind in DEFAULTS[name]]
        return [*defaults, 0][0] if value == "auto" else value

    # Learning

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        """Learn f."""
        return self._describe(rows, *self._learn(rows, progress))

    def _fit_encode(self, vectors: FloatArray, progress: Progress) -> tuple[Report | None, BytesArray | None]:
        """Learn; return the codes too if they are not searched for.

        With ``ste``, the fit rows keep the codes that they were learned with, though ``encode`` would find better
        ones; with ``random``, all codes are random.
        """
        if not self.learns_codes:
            return super()._fit_encode(vectors, progress)
        rows = vectors[: self._most_rows]
        symbols, losses = self._learn(rows, progress)
        report = self._describe(rows, symbols, losses)
        self._bind()
        if self.solver == "ste":
            others = self.encode(vectors[len(rows) :], progress)
        else:
            rng = draws.generator(self.random_state, 1)
            others = self._pack(random_codes(len(vectors) - len(rows), symbols.shape[1], self.ways, rng))
        return report, np.concatenate([self._pack(symbols), others])

    @property
    def learns_codes(self) -> bool:
        """True unless codes are searched for."""
        return self.solver != "alternate"

    def _learn(self, rows: FloatArray, progress: Progress) -> tuple[Symbols, list[float]]:
        """Set all arrays; return the codes of the rows as learned with f, and the losses on the way."""
        self._require_possible(*rows.shape)
        self.mean_ = mean_rows(rows)
        singular_values, directions = principal_directions(covariance(rows, self.mean_))
        removed = n_removed(self.name, self.remove_top, singular_values.astype(np.float32))
        self.removed_ = _rows_of(directions[:, :removed])
        kept = _rows_of(np.roll(directions, -removed, axis=1))
        fitted = SOLVERS[self.solver, self.compose](self._problem(self._prepare_all(rows), kept, progress))
        self.codebooks_, self.codebook_scales_ = narrow_codebooks(fitted.codebooks)
        transform = fitted.composition.transform
        self.transform_ = np.zeros((0, len(self.mean_)), dtype=np.float32) if transform is None else transform
        if isinstance(fitted.composition, LstmComposition) and fitted.surrogate is not None:
            self.recurrent_, self.bias_ = fitted.composition.recurrent, fitted.composition.bias
            self.surrogate_ = fitted.surrogate
        return fitted.symbols, fitted.losses

    def _sizes(self, dim: int) -> tuple[int, int]:
        """D and d'."""
        dims = max(1, dim // symbol_bits(self.ways)) if isinstance(self.dims, str) else self.dims
        return dims, dim if isinstance(self.code_dim, str) else self.code_dim

    def _require_possible(self, n_rows: int, dim: int) -> None:
        dims, code_dim = self._sizes(dim)
        if code_dim > dim and self.compose == "linear":
            raise ParameterError(
                f"{self.name}: `code_dim` must be at most the number of dimensions ({dim}) with `compose` 'linear', "
                f"got {code_dim}"
            )
        needed = logits_bytes(n_rows, dims, self.ways)
        if self.solver == "ste" and needed > LOGITS_LIMIT:
            raise ParameterError(
                f"{self.name}: `solver` 'ste' needs {needed / 1e9:.2f} GB for the logits of {n_rows} words "
                f"({n_rows} × {dims} × {self.ways} × 12 bytes), more than {LOGITS_LIMIT / 1e9:.2f} GB; "
                "learn from fewer with `fit_rows`, the codes of the others are searched for"
            )

    def _problem(self, targets: FloatArray, directions: FloatArray, progress: Progress) -> Problem:
        dims, code_dim = self._sizes(targets.shape[1])
        names = ("epochs", "batch_size", "learning_rate", "temperature", "decay")
        training = Training(*(self._value(name) for name in names))
        rng = draws.generator(self.random_state)
        iterations = self._value("iterations")
        return Problem(targets, directions, dims, self.ways, code_dim, self.beam, iterations, training, rng, progress)

    def _prepare(self, rows: FloatArray) -> FloatArray:
        """The rows to compose: centred, without the removed directions; the same on every processor."""
        whole, units = without(rows - self.mean_, self.removed_)
        whole *= units[:, None]
        return whole.astype(np.float32)

    def _prepare_all(self, vectors: FloatArray) -> FloatArray:
        out = np.empty(vectors.shape, dtype=np.float32)

        def of_block(rows: slice) -> None:
            out[rows] = self._prepare(vectors[rows])

        for_blocks(of_block, len(vectors))
        return out

    # Codes

    def _before_encoding(self) -> None:
        _ = self._search

    def _before_decoding(self) -> None:
        _ = self._composition if _has_lstm(self) else self._effective

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        """The codes found by beam search, then local search, against the fitted codebooks."""
        return self._pack(self._search.encode(self._prepare_all(vectors), self.beam))

    def _pack(self, symbols: Symbols) -> BytesArray:
        return bits.pack_symbols(symbols, symbol_bits(self.ways))

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        return self._compose(self.symbols(codes))

    def symbols(self, codes: BytesArray) -> NDArray[np.uint32]:
        """Return the symbols of codes, uint32 (n, D); those from K on, which no encoder writes, become K − 1."""
        symbols = bits.unpack_symbols(codes, self.layout.symbols, self.layout.symbol_bits)
        return np.minimum(symbols, np.uint32(self.ways - 1))

    def _compose(self, symbols: NDArray[np.unsignedinteger]) -> FloatArray:
        if isinstance(self._composition, LstmComposition):
            return compose(self._codebooks, self._composition, symbols)
        return sum_of_codewords(self._effective, symbols)

    @property
    def codewords(self) -> FloatArray | None:
        """W H, whose entries a linear composition sums; ``None`` for an LSTM."""
        self._require_fitted()
        return None if _has_lstm(self) else self._effective

    def align(self, vectors: FloatArray) -> FloatArray:
        """Subtract the mean and take out the removed directions, as encoding does."""
        self._require_dim(vectors)
        return self._prepare(vectors)

    @cached_property
    def _composition(self) -> LinearComposition | LstmComposition:
        """f."""
        if _has_lstm(self):
            return LstmComposition(self.recurrent_, self.bias_, self.transform_)
        return LinearComposition(self.transform_ if len(self.transform_) else None)

    @cached_property
    def _effective(self) -> FloatArray:
        """W H: the code embeddings of a linear composition in the space of the vectors, float32 (D, K, d)."""
        if not len(self.transform_):
            return self._codebooks
        n_books, ways, _ = self.codebooks_.shape
        dim = self.transform_.shape[1]
        require_memory(12 * n_books * ways * dim, f"{n_books * ways} codewords of {dim} dimensions")
        return product(self._codebooks, self.transform_)

    @cached_property
    def _codebooks(self) -> FloatArray:
        """W, float32 (D, K, d')."""
        n_books, ways, dim = self.codebooks_.shape
        require_memory(4 * n_books * ways * dim, f"{n_books * ways} codewords of {dim} dimensions")
        return self.codebooks_ * self.codebook_scales_[:, None, None]

    @cached_property
    def _search(self) -> Search | LstmSearch:
        if isinstance(self._composition, LstmComposition):
            return LstmSearch(self._codebooks, self._composition, self.surrogate_)
        return Search(self._effective)

    @property
    def layout(self) -> CodeLayout:
        """D symbols of ⌈log2 K⌉ bits."""
        return CodeLayout.of_symbols(self.extents["dims"], self.ways)

    @property
    def _working_width(self) -> int:
        return LSTM_NUMBERS * self.codebooks_.shape[2] if _has_lstm(self) else 0

    def _check_state(self) -> None:
        """Check that there is a codebook, and a transform where an LSTM needs one."""
        if not self.extents["dims"]:
            raise CorruptError("state 'codebooks' must hold at least one codebook, got none")
        if _has_lstm(self) and not self.extents["transform"]:
            raise CorruptError("state 'transform' must have rows for an LSTM, got none")

    # Facts

    def _describe(self, vectors: FloatArray, symbols: Symbols, losses: list[float]) -> Report:
        """Of the fit rows and the codes learned with f: error, use of the symbols, words that share a code.

        ``losses`` are those of :class:`~embcomp.compressors.kd_solvers.Fitted`.
        """
        used, perplexity = utilisation(symbols, self.ways)
        return {
            "fit_rows": len(vectors),
            "removed": len(self.removed_),
            "losses": [round(loss, 6) for loss in losses],
            "relative_squared_error": self._error(vectors, symbols),
            "symbols_used": used,
            "symbols": len(self.codebooks_) * self.ways,
            "perplexity": perplexity,
            "collisions": collisions(symbols),
        }

    def _error(self, vectors: FloatArray, symbols: Symbols) -> dict[str, float]:
        """‖X − X̂‖² / ‖X − mean‖², of the source and of what is left once directions are removed."""

        def of_block(rows: slice) -> tuple[float, float, float]:
            prepared = self._prepare(vectors[rows])
            centred = vectors[rows] - self.mean_
            difference = prepared - self._compose(symbols[rows])
            return energy(difference), energy(prepared), energy(centred)

        parts = list(map_blocks(of_block, len(vectors)))
        lost, kept, total = (sum(each) for each in zip(*parts, strict=True)) if parts else (0.0, 0.0, 0.0)
        return {
            "source": round((lost + total - kept) / total, 6) if total else 0.0,
            "coded": round(lost / kept, 6) if kept else 0.0,
        }


def _rows_of(directions: DoubleArray) -> FloatArray:
    return np.ascontiguousarray(directions.T, dtype=np.float32)
