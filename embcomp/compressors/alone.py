"""ALONE, all word embeddings from one [Takase and Kobayashi 2020], alone.txt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.checks import Boolean, Either, Integer, OneOf, Option, Real
from embcomp.compressors import narrow
from embcomp.compressors.alone_training import Filters, Schedule, learning_rate
from embcomp.compressors.base import CodeLayout, Compressor, State, state_array
from embcomp.compressors.binary import require_moderate
from embcomp.compressors.feed_forward import Network, Trainer, initial_network
from embcomp.compressors.filters import (
    MAX_COLUMNS,
    Assignments,
    Redrawn,
    assign,
    binary_sources,
    combine,
    real_sources,
    redraw,
)
from embcomp.embedding import FloatMatrix, mean_rows
from embcomp.errors import CorruptError, ParameterError
from embcomp.progress import Progress, no_progress
from embcomp.threads import blocks, for_blocks, map_blocks

EPOCHS = 300
STEPS = 30_000  # at most, for --epochs auto
RATIO = 4.0
BATCH_ROWS = 256  # alone.txt §3.1
ACTIVATIONS = 2**20  # hidden activations of a decoded block at most: 4 MB
SOURCE_NUMBERS = 2**24  # of all source matrices at most, 64 MB: what a hostile container can make a reader draw
ERROR_ROWS = 8192  # that the reported error is measured on: enough for two digits, and soon done
POOR_ERROR = 0.25  # from here on, SimLex-999 is below four fifths of the original's (docs/compressors/alone.md)


class AloneCompressor(Compressor):
    """Every vector is a feed-forward network's output for one vector o under a random filter of the word's own.

    alone.txt eq. (1)-(3): x̂ = W₂ max(0, W₁ (m_w ⊙ o)), m_w being the OR ("binary") or sum ("real") of M columns, one
    from each of M random source matrices, picked at random by the number of the word's row. The filters cost nothing
    ("volatile", Table 1): they are regenerated from the seed as :mod:`embcomp.compressors.filters` says. A word has
    no code at all; the network is the whole file, and its size does not depend on the number of words.
    Trained by Adam on mini-batches of 256 to minimise eq. (4). As published: ``inter=2400, epochs=1000``.

    Where we differ: vectors are centred and divided by their root mean square before training, so that their scale
    does not matter; the learning rate follows from the width, see :func:`learning_rate`, and falls to 0 over the
    second half of training instead of being constant; the network starts from :func:`initial_network`; gradients of
    masks are centred, see :class:`Trainer`; no two words share all M columns.

    Attributes:
        network_: o, W₁ and W₂ᵀ as stored, that is after rounding to ``weights``.
        mean_: float32, shape (dim,).
        scale_: root mean square of centred vectors, float32, shape (1,).
        redrawn_: rows whose first assignment was another row's.
        losses_: mean relative squared error during each epoch, float32, shape (epochs run,).
    """

    name = "alone"
    summary = "a network makes all vectors from one, no code per word (Takase and Kobayashi 2020)"
    encodes_vectors = False
    slow = True
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "filter", OneOf("binary", "real"), "binary", "a word's filter: an OR of random bits, or a Gaussian sum"
        ),
        Option(
            "inter",
            Either(Integer(1, 10**7), OneOf("auto")),
            "auto",
            "hidden units of the network (D_inter); 'auto' for as many as --ratio leaves room for",
        ),
        Option(
            "ratio",
            Either(Real(0, open_ends=True), OneOf("auto")),
            "auto",
            f"times smaller than the float32 vectors; 'auto' is {RATIO:g} unless --inter is given",
        ),
        Option("columns", Integer(1, MAX_COLUMNS), 64, "columns of each source matrix (c)"),
        Option("matrices", Integer(1, 256), 8, "source matrices (M)"),
        Option("zeros", Real(0, 1, open_ends=True), 0.5, "share of zeros in a binary filter (p_o)"),
        Option("fix_base", Boolean(), False, "do not train o"),
        Option(
            "epochs",
            Either(Integer(1, 10**6), OneOf("auto")),
            "auto",
            f"passes over the words; 'auto' is {EPOCHS}, fewer if those are more than {STEPS} batches",
        ),
        Option("batch", Integer(1, 10**6), BATCH_ROWS, "rows in a mini-batch"),
        Option(
            "learning_rate",
            Either(Real(0, 1, open_ends=True), OneOf("auto")),
            "auto",
            "of Adam, falling to 0 over the second half; 'auto' is 0.2 over the root of the units, at most 0.01",
        ),
        Option(
            "weights",
            OneOf(*narrow.FORMATS),
            "int8",
            "how weights are stored; fewer bytes leave room for more units",
        ),
        Option("store_filters", Boolean(), False, "store columns and source matrices instead of their seed"),
        Option(
            "time_budget",
            Either(Real(0, open_ends=True), OneOf("none")),
            "none",
            "end training after this many seconds; the result then depends on the machine's speed",
        ),
        Option("random_state", Integer(0, 2**32 - 1), 0, "seed of filters, first weights and batches"),
    )

    network_: Network
    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]
    redrawn_: Redrawn
    losses_: NDArray[np.float32]

    def __init__(
        self,
        filter: str = "binary",
        inter: int | str = "auto",
        ratio: float | str = "auto",
        columns: int = 64,
        matrices: int = 8,
        zeros: float = 0.5,
        fix_base: bool = False,
        epochs: int | str = "auto",
        batch: int = BATCH_ROWS,
        learning_rate: float | str = "auto",
        weights: str = "int8",
        store_filters: bool = False,
        time_budget: float | str = "none",
        random_state: int = 0,
    ) -> None:
        self.filter = filter
        self.inter = inter
        self.ratio = ratio
        self.columns = columns
        self.matrices = matrices
        self.zeros = zeros
        self.fix_base = fix_base
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.weights = weights
        self.store_filters = store_filters
        self.time_budget = time_budget
        self.random_state = random_state

    def check_config(self) -> None:
        """Judge the options, and refuse those that would have no effect beside the others."""
        super().check_config()
        if self.inter != "auto" and self.ratio != "auto":
            raise ParameterError(
                f"{self.name}: --ratio must be 'auto' when --inter is given, got {self.ratio!r} and {self.inter!r}"
            )
        if self.filter == "real" and self.zeros != 0.5:
            raise ParameterError(f"{self.name}: --zeros is for --filter binary, got {self.zeros!r}")

    @classmethod
    def options_for_bits(cls, n_bits: int, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The ratio with which the network has ``n_bits`` for each word."""
        return cls.options_for_ratio(32 * dim / n_bits, dim, given) if n_bits > 0 else None

    @classmethod
    def options_for_ratio(cls, ratio: float, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """``ratio`` itself."""
        return {"ratio": ratio} if {"ratio", "inter"}.isdisjoint(given) else None

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Train on rows numbered 0 to n − 1."""
        self._fit(vectors, np.arange(len(vectors), dtype=np.int64), progress)
        return self

    def fit_encode(
        self,
        vectors: FloatMatrix,
        row_ids: NDArray[np.int64] | None = None,
        progress: Progress = no_progress,
    ) -> BytesArray:
        """Train and return the rows' codes: no bits, or the columns of each row with ``store_filters``."""
        rows = np.arange(len(vectors), dtype=np.int64) if row_ids is None else row_ids
        assignments = self._fit(vectors, rows, progress)
        if not self.store_filters:
            return np.empty((len(rows), 0), dtype=np.uint8)
        return bits.pack_symbols(assignments, self.layout.symbol_bits)

    def encode(self, vectors: FloatMatrix) -> NoReturn:
        """Refuse: there is nothing in a vector that a code could be made of.

        Raises:
            ParameterError: always.
        """
        self._require_fitted("network_")
        raise ParameterError(
            f"{self.name}: cannot encode vectors that it was not trained on, "
            "because a row's code belongs to its number and not to its vector; use fit_encode"
        )

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return the network's output for each row's filter, on the source's own origin and scale."""
        self._require_fitted("network_")
        rows = np.arange(len(codes), dtype=np.int64) if row_ids is None else row_ids
        sources = self._source_matrices()
        out = np.empty((len(codes), self.dim), dtype=np.float32)

        def decode_block(block: slice) -> None:
            out[block] = self._vectors(self.network_, combine(sources, self._assignments(codes[block], rows[block])))

        for_blocks(decode_block, len(codes), self._block_rows())
        return out

    @property
    def layout(self) -> CodeLayout:
        """Nothing, or M column numbers."""
        self._require_fitted("network_")
        if not self.store_filters:
            return CodeLayout("none", 0)
        return CodeLayout("indexed", self.matrices, max(1, (self.columns - 1).bit_length()))

    @property
    def dim(self) -> int:
        """Rows of W₂."""
        self._require_fitted("mean_")
        return len(self.mean_)

    @property
    def decode_state(self) -> frozenset[str]:
        """Everything but the losses."""
        return frozenset(self.get_state()) - {"losses"}

    @property
    def report(self) -> dict[str, Any]:
        """Units, epochs run, loss, errors, rows redrawn, bytes and their ratio, warnings."""
        self._require_fitted("_report")
        return self._report

    def get_state(self) -> State:
        """Return the network as stored, what its output is scaled by, and the filters' exceptions or themselves."""
        self._require_fitted("network_")
        state = self._weights | {
            "base": self.network_.base,
            "mean": self.mean_,
            "scale": self.scale_,
            "redrawn_rows": self.redrawn_.rows,
            "redrawn_attempts": self.redrawn_.attempts,
            "losses": self.losses_,
        }
        if self.store_filters:
            sources = self._source_matrices()
            state["sources"] = np.packbits(sources, axis=2) if self.filter == "binary" else sources
        return state

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`get_state` gave."""
        self.mean_ = state_array(state, "mean", "<f4", None)
        self.scale_ = state_array(state, "scale", "<f4", 1)
        self.losses_ = state_array(state, "losses", "<f4", None)
        self._set_weights(
            narrow.check(state, self.weights, self.dim, self.dim), state_array(state, "base", "<f4", self.dim)
        )
        rows = state_array(state, "redrawn_rows", "<i8", None)
        attempts = state_array(state, "redrawn_attempts", "<i8", len(rows))
        if (rows[:1] < 0).any() or (rows[1:] <= rows[:-1]).any() or (attempts < 1).any():
            raise CorruptError("state 'redrawn_rows' must ascend from 0 and 'redrawn_attempts' be at least 1")
        self.redrawn_ = Redrawn(rows, attempts)
        if self.matrices * self.columns * self.dim > SOURCE_NUMBERS:
            raise CorruptError(f"state 'mean' asks for source matrices of more than {SOURCE_NUMBERS} numbers")
        self._sources = self._stored_sources(state) if self.store_filters else None

    def _set_weights(self, weights: State, base: NDArray[np.float32]) -> None:
        self._weights = weights
        self.network_ = Network(base, *narrow.widen(weights))

    def _stored_sources(self, state: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        if self.filter == "real":
            return state_array(state, "sources", "<f4", self.matrices, self.columns, self.dim)
        packed = state_array(state, "sources", "|u1", self.matrices, self.columns, bits.row_bytes(self.dim))
        return np.unpackbits(packed, axis=2, count=self.dim)

    def _source_matrices(self) -> NDArray[Any]:
        """The source matrices, uint8 or float32, shape (M, c, dim), regenerated once."""
        if self._sources is None:
            sizes = (self.random_state, self.matrices, self.columns, self.dim)
            self._sources = binary_sources(*sizes, self.zeros) if self.filter == "binary" else real_sources(*sizes)
        return self._sources

    def _assignments(self, codes: BytesArray, rows: NDArray[np.int64]) -> Assignments:
        """The columns of some rows, read from their codes or drawn again."""
        if not self.store_filters:
            return assign(self.random_state, rows, self.redrawn_.attempts_of(rows), self.matrices, self.columns)
        columns = bits.unpack_symbols(codes, self.matrices, self.layout.symbol_bits)
        if columns.size and columns.max() >= self.columns:
            raise CorruptError(f"a code names column {columns.max()}, the source matrices have {self.columns}")
        return columns.astype(np.uint16)

    def _vectors(self, network: Network, filters: NDArray[np.float32]) -> FloatMatrix:
        vectors = network(filters)
        vectors *= self.scale_[0]
        vectors += self.mean_
        return vectors

    def _block_rows(self) -> int:
        return min(2048, max(16, ACTIVATIONS // max(1, len(self.network_.inner))))

    def _fit(self, vectors: FloatMatrix, rows: NDArray[np.int64], progress: Progress) -> Assignments:
        """Train; return the columns of each row."""
        self._require_matrix(vectors)
        require_moderate(self.name, vectors)
        self._require_combinations(len(vectors))
        self._require_sources(vectors.shape[1])
        self.mean_ = mean_rows(vectors)
        self.scale_ = np.array([self._root_mean_square(vectors)], dtype=np.float32)
        self._sources = None
        self.redrawn_ = redraw(self.random_state, rows, self.matrices, self.columns)
        attempts = self.redrawn_.attempts_of(rows)
        assignments = assign(self.random_state, rows, attempts, self.matrices, self.columns)
        rng = np.random.default_rng(self.random_state)
        network = initial_network(self._n_units(len(vectors)), self.dim, self.dim, rng, centred=self._centred)
        filters = Filters(self._source_matrices(), assignments)
        self.losses_ = self._train(network, vectors, filters, rng, progress)
        self._set_weights(narrow.narrow(network.inner, network.outer, self.weights), network.base)
        self._report = self._describe(vectors, filters, network)
        return assignments

    @property
    def _centred(self) -> bool:
        """Whether W₁'s rows are kept at sum 0: for masks, unless one number is all they have."""
        return self.filter == "binary" and self.dim > 1

    def _require_combinations(self, n_rows: int) -> None:
        combinations = self.columns**self.matrices
        if n_rows > 1 and combinations < 2 * n_rows:
            raise ParameterError(
                f"{self.name}: --columns to the power of --matrices must be at least {2 * n_rows}, "
                f"twice the number of rows, got {self.columns}^{self.matrices} = {combinations}"
            )

    def _require_sources(self, dim: int) -> None:
        n_numbers = self.matrices * self.columns * dim
        if n_numbers > SOURCE_NUMBERS:
            raise ParameterError(
                f"{self.name}: --matrices times --columns times {dim} dimensions must be at most {SOURCE_NUMBERS}, "
                f"got {n_numbers}"
            )

    def _root_mean_square(self, vectors: FloatMatrix) -> float:
        """Of the centred vectors; 1 if they are all alike."""
        total = sum(
            float(np.square(vectors[block] - self.mean_, dtype=np.float64).sum()) for block in blocks(len(vectors))
        )
        scale = np.sqrt(total / max(1, vectors.size))
        return float(scale) if scale >= np.finfo(np.float32).tiny else 1.0

    def _fixed_bytes(self, n_rows: int) -> int:
        """Bytes that do not depend on the number of hidden units: o, mean, scale, exceptions, stored filters."""
        size = 4 * (self.dim + self.dim + 1) + 16 * len(self.redrawn_.rows)
        if self.store_filters:
            row_bits = self.matrices * max(1, (self.columns - 1).bit_length())
            column_bytes = bits.row_bytes(self.dim) if self.filter == "binary" else 4 * self.dim
            size += bits.stream_bytes(n_rows, row_bits) + self.matrices * self.columns * column_bytes
        return size

    def _n_units(self, n_rows: int) -> int:
        """D_inter: as given, or what leaves the network ``ratio`` times smaller than the vectors, at least 1."""
        if not isinstance(self.inter, str):
            return self.inter
        ratio = RATIO if isinstance(self.ratio, str) else self.ratio
        room = 4 * n_rows * self.dim / ratio - self._fixed_bytes(n_rows)
        return max(1, int(room / narrow.unit_bytes(self.weights, self.dim, self.dim)))

    def _train(
        self,
        network: Network,
        vectors: FloatMatrix,
        filters: Filters,
        rng: np.random.Generator,
        progress: Progress,
    ) -> NDArray[np.float32]:
        """Train ``network`` in place; return the mean relative squared error during each epoch.

        Raises:
            ParameterError: the loss is no longer finite.
        """
        trainer = Trainer(network, min(self.batch, len(vectors)), fix_base=self.fix_base, centred=self._centred)
        schedule = Schedule(self._n_epochs(len(vectors)), -(-len(vectors) // self.batch), self.time_budget, progress)
        peak = learning_rate(len(network.inner)) if isinstance(self.learning_rate, str) else self.learning_rate
        with trainer.running(), np.errstate(over="ignore", invalid="ignore"):
            for batch in schedule.batches(len(vectors), self.batch, rng):
                targets = (vectors[batch] - self.mean_) / self.scale_[0]
                loss = trainer.step(filters[batch], targets, peak * schedule.rate) / self.dim
                if not np.isfinite(loss):
                    raise ParameterError(f"{self.name}: training diverged; --learning-rate must be below {peak:g}")
                schedule.record(loss, len(batch))
        return np.array(schedule.losses, dtype=np.float32)

    def _n_epochs(self, n_rows: int) -> int:
        if not isinstance(self.epochs, str):
            return self.epochs
        return max(1, min(EPOCHS, STEPS * self.batch // max(1, n_rows)))

    def _describe(self, vectors: FloatMatrix, filters: Filters, trained: Network) -> dict[str, Any]:
        """The report. ``trained`` is the network before its weights were rounded."""
        n_bytes = self._fixed_bytes(len(vectors)) + sum(array.nbytes for array in self._weights.values())
        error, rounded_error = (self._relative_error(vectors, filters, each) for each in (trained, self.network_))
        shared = filters.n_shared()
        return {
            "units": len(trained.inner),
            "epochs": len(self.losses_),
            "error_rows": min(len(vectors), ERROR_ROWS),
            "relative_error": {"trained": round(error, 6), "stored": round(rounded_error, 6)},
            "redrawn": len(self.redrawn_.rows),
            "shared_filters": shared,
            "numbers": {"vectors": vectors.size, "network": trained.inner.size + trained.outer.size + self.dim},
            "ratio": round(vectors.nbytes / n_bytes, 3),
            "deterministic": isinstance(self.time_budget, str),
            "warnings": list(self._warnings(vectors.nbytes, n_bytes, rounded_error, shared)),
        }

    def _warnings(self, vectors_bytes: int, n_bytes: int, error: float, n_shared: int) -> Iterator[str]:
        if n_bytes >= vectors_bytes:
            yield (
                f"nothing is saved: the network takes {n_bytes} bytes, the float32 vectors {vectors_bytes}; "
                "give a lower --inter or a higher --ratio"
            )
        if error > POOR_ERROR:
            yield (
                f"vectors come back with a relative squared error of {error:.2f}; "
                "give a higher --inter, a lower --ratio, --weights int8 or more --epochs"
            )
        if n_shared:
            yield f"{n_shared} words have the filter of another word and so its vector; use --filter real"
        if not isinstance(self.time_budget, str):
            yield f"training was given {self.time_budget:g} seconds: another run gives other bytes"

    def _relative_error(self, vectors: FloatMatrix, filters: Filters, network: Network) -> float:
        """‖X − X̂‖² / ‖X − mean‖² over at most ``ERROR_ROWS`` rows, evenly spread; 0 if those are all alike."""
        chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), ERROR_ROWS)).astype(np.int64)

        def sums(block: slice) -> NDArray[np.float64]:
            exact = vectors[chosen[block]]
            difference = exact - self._vectors(network, filters[chosen[block]])
            centred = exact - self.mean_
            return np.array([np.square(each, dtype=np.float64).sum() for each in (difference, centred)])

        error, variance = sum(map_blocks(sums, len(chosen), self._block_rows()), start=np.zeros(2))
        return float(error / variance) if variance else 0.0
