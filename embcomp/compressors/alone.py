"""ALONE, all word embeddings from one embedding [Takase 2020]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import AnyArray, DoubleArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Boolean, Either, Integer, OneOf, Real, option
from embcomp.compressors import narrow
from embcomp.compressors.alone_training import Filters, Schedule, learning_rate, measured_seconds
from embcomp.compressors.base import CodeLayout, Report, symbol_bits
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
from embcomp.compressors.options import RANDOM_STATE, auto
from embcomp.compressors.rows import RowCompressor
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.errors import CorruptError, ParameterError
from embcomp.memory import require_memory
from embcomp.progress import Progress
from embcomp.threads import BLOCK_ROWS, blocks, map_blocks, single_threaded_blas

EPOCHS = 300
STEPS = 30_000  # at most, for --epochs auto
RATIO = 4.0
BATCH_ROWS = 256  # [Takase 2020, §3.1]
ACTIVATIONS = 2**20  # hidden activations of a decoded block at most: 4 MB
SOURCE_NUMBERS = 2**24  # of all source matrices at most, 64 MB: limits what a hostile container costs
ERROR_ROWS = 8192  # that the reported error is measured on: enough for two digits
POOR_ERROR = 0.25  # above this, SimLex-999 keeps less than 0.8 (docs/compressors/alone.md)


class AloneCompressor(RowCompressor):
    """Every vector is a feed-forward network's output for one vector o under a random filter of the word's own.

    [Takase 2020, eq. 1-3]: x̂ = W₂ max(0, W₁ (m_w ⊙ o)), m_w being the OR ("binary") or sum ("real") of M columns,
    one from each of M random source matrices, picked at random by the number of the word's row. The filters take no
    space ("volatile", Table 1): they are regenerated from the seed as :mod:`embcomp.compressors.filters` says. A word
    has no code at all; the network is the whole file, and its size does not depend on the number of words.
    Trained by Adam on mini-batches of 256 to minimise eq. 4. As published: ``inter=2400, epochs=1000``.

    Where we differ: vectors are centred and divided by their root mean square before training, so that their scale
    does not matter; the learning rate follows from the width, see :func:`learning_rate`, and falls to 0 over the
    second half of training instead of being constant; the network starts from :func:`initial_network`; gradients of
    masks are centred, see :class:`Trainer`; no two words share all M columns.
    """

    name = "alone"
    summary = "a network makes all vectors from one, no code per word (Takase and Kobayashi 2020)"
    slow = True

    filter: str = option(
        OneOf("binary", "real"), "a word's filter: an OR of random bits, or a Gaussian sum", default="binary"
    )
    inter: int | str = auto(
        Integer(1, 10**7), "hidden units of the network (D_inter); 'auto' for as many as `ratio` leaves room for"
    )
    ratio: float | str = auto(
        Real(0, open_ends=True),
        f"times smaller than the float32 vectors; 'auto' is {RATIO:g} unless `inter` is given",
    )
    columns: int = option(Integer(1, MAX_COLUMNS), "columns of each source matrix (c)", default=64)
    matrices: int = option(Integer(1, 256), "source matrices (M)", default=8)
    zeros: float = option(Real(0, 1, open_ends=True), "share of zeros in a binary filter (p_o)", default=0.5)
    fix_base: bool = option(Boolean(), "do not train o", default=False)
    epochs: int | str = auto(
        Integer(1, 10**6), f"passes over the words; 'auto' is {EPOCHS}, fewer if those are more than {STEPS} batches"
    )
    batch_size: int = option(Integer(1, 10**6), "rows per step", default=BATCH_ROWS)
    learning_rate: float | str = auto(
        Real(0, 1, open_ends=True),
        "of Adam, falling to 0 over the second half; 'auto' is 0.2 over the root of the units, at most 0.01",
    )
    weights: str = option(
        OneOf(*narrow.STORED), "how weights are stored; fewer bytes leave room for more units", default="int8"
    )
    store_filters: bool = option(Boolean(), "store columns and source matrices instead of their seed", default=False)
    time_budget: float | str = option(
        Either(Real(0, open_ends=True), OneOf("none")),
        "end training after this many seconds; the result then depends on the machine's speed",
        default="none",
    )
    random_state: int = RANDOM_STATE

    mean_: FloatArray = array("<f4", "dim")
    scale_: FloatArray = array("<f4", 1)
    base_: FloatArray = array("<f4", "dim")
    inner_: AnyArray = array(lambda alone: narrow.STORED[alone.weights], "units", "dim")
    outer_: AnyArray = array(lambda alone: narrow.STORED[alone.weights], "units", "dim")
    unit_scale_: FloatArray = array("<f4", "units", when=lambda alone: alone.weights == "int8")
    redrawn_rows_: RowIds = array("<i8", "redrawn")
    redrawn_attempts_: NDArray[np.int64] = array("<i8", "redrawn")
    sources_: AnyArray = array(
        lambda alone: "|u1" if alone.filter == "binary" else "<f4",
        "matrices",
        "columns",
        lambda alone: bits.row_bytes(alone.dim) if alone.filter == "binary" else alone.dim,
        when=lambda alone: alone.store_filters,
    )

    def check_config(self) -> None:
        """Check the options, and refuse those that would have no effect beside the others."""
        super().check_config()
        if self.inter != "auto" and self.ratio != "auto":
            raise ParameterError(
                f"{self.name}: `ratio` must be 'auto' when `inter` is given, got {self.ratio!r} and {self.inter!r}"
            )
        if self.filter == "real" and self.zeros != 0.5:
            raise ParameterError(f"{self.name}: `zeros` must be 0.5 with `filter` 'real', got {self.zeros!r}")

    @classmethod
    def options_for_bits(cls, n_bits: int, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The ratio with which the network has ``n_bits`` for each word."""
        return cls.options_for_ratio(32 * dim / n_bits, dim, given) if n_bits > 0 else None

    @classmethod
    def options_for_ratio(cls, ratio: float, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """``ratio`` itself."""
        return {"ratio": ratio} if {"ratio", "inter"}.isdisjoint(given) else None

    def seconds_to_fit(self, n_rows: int, dim: int) -> float:
        """The time budget, or what a few steps show."""
        if not isinstance(self.time_budget, str):
            return float(self.time_budget)
        batch_rows = max(1, min(self.batch_size, n_rows))
        n_steps = self._n_epochs(n_rows) * -(-n_rows // batch_rows)
        return measured_seconds(self._n_units(n_rows, dim, 0), dim, batch_rows, n_steps)

    def _fit_encode(self, vectors: FloatArray, progress: Progress) -> tuple[Report, BytesArray]:
        """Train; the codes are no bits, or the columns of each row with ``store_filters``."""
        dim = vectors.shape[1]
        row_ids = np.arange(len(vectors), dtype=np.int64)
        self._require_combinations(len(vectors))
        self._require_sources(dim)
        self.mean_ = mean_rows(vectors)
        self.scale_ = np.array([self._root_mean_square(vectors)], dtype=np.float32)
        redrawn = redraw(self.random_state, row_ids, self.matrices, self.columns)
        self.redrawn_rows_, self.redrawn_attempts_ = redrawn.rows, redrawn.attempts
        attempts = redrawn.attempts_of(row_ids)
        assignments = assign(self.random_state, row_ids, attempts, self.matrices, self.columns)
        sources = self._drawn_sources(dim)
        if self.store_filters:
            self.sources_ = np.packbits(sources, axis=2) if self.filter == "binary" else sources
        rng = np.random.default_rng(self.random_state)
        centred = self.filter == "binary" and dim > 1
        n_units = self._n_units(len(vectors), dim, self._fixed_bytes(len(vectors), dim))
        network = initial_network(n_units, dim, dim, rng, centred=centred)
        filters = Filters(sources, assignments)
        losses = self._train(network, vectors, filters, rng, progress, centred=centred)
        self.base_ = network.base
        for name, stored in narrow.narrow(network.inner, network.outer, self.weights).items():
            setattr(self, name + "_", stored)
        report = self._describe(vectors, filters, network, losses)
        if not self.store_filters:
            return report, np.empty((len(vectors), 0), dtype=np.uint8)
        return report, bits.pack_symbols(assignments, symbol_bits(self.columns))

    def _before_decoding(self) -> None:
        _ = self.network_, self._sources

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        """The network's output for each row's filter, on the source's own origin and scale."""
        return self._vectors(self.network_, combine(self._sources, self._assignments(codes, row_ids)))

    @property
    def block_rows(self) -> int:
        """So many that the hidden activations stay small."""
        return min(BLOCK_ROWS, max(16, ACTIVATIONS // max(1, len(self.inner_))))

    @property
    def layout(self) -> CodeLayout:
        """Nothing, or M column numbers."""
        self._require_fitted()
        return CodeLayout.of_symbols(self.matrices, self.columns) if self.store_filters else CodeLayout("none", 0)

    @cached_property
    def network_(self) -> Network:
        """o, W₁ and W₂ᵀ, float32, after rounding to ``weights``."""
        unit_scale = self.unit_scale_ if self.weights == "int8" else None
        return Network(self.base_, *narrow.widen(self.inner_, self.outer_, unit_scale))

    def _check_state(self) -> None:
        """Check that redrawn rows ascend and the sources are not too large to be drawn."""
        rows = self.redrawn_rows_
        if (rows[:1] < 0).any() or (rows[1:] <= rows[:-1]).any() or (self.redrawn_attempts_ < 1).any():
            raise CorruptError("state 'redrawn_rows' must ascend from 0 and 'redrawn_attempts' be at least 1")
        if self.matrices * self.columns * self.dim > SOURCE_NUMBERS:
            raise CorruptError(f"state 'mean' asks for source matrices of more than {SOURCE_NUMBERS} numbers")

    @cached_property
    def _sources(self) -> AnyArray:
        """The source matrices, uint8 or float32, shape (M, c, dim), stored or drawn again."""
        n_numbers = self.matrices * self.columns * self.dim
        require_memory(n_numbers * (1 if self.filter == "binary" else 4), f"source matrices of {n_numbers} numbers")
        if not self.store_filters:
            return self._drawn_sources(len(self.mean_))
        return np.unpackbits(self.sources_, axis=2, count=self.dim) if self.filter == "binary" else self.sources_

    def _drawn_sources(self, dim: int) -> AnyArray:
        sizes = (self.random_state, self.matrices, self.columns, dim)
        return binary_sources(*sizes, self.zeros) if self.filter == "binary" else real_sources(*sizes)

    def _assignments(self, codes: BytesArray, rows: RowIds) -> Assignments:
        """The columns of some rows, read from their codes or drawn again."""
        if not self.store_filters:
            attempts = Redrawn(self.redrawn_rows_, self.redrawn_attempts_).attempts_of(rows)
            return assign(self.random_state, rows, attempts, self.matrices, self.columns)
        columns = bits.unpack_symbols(codes, self.matrices, self.layout.symbol_bits)
        if columns.size and columns.max() >= self.columns:
            raise CorruptError(f"a code names column {columns.max()}, the source matrices have {self.columns}")
        return columns.astype(np.uint16)

    def _vectors(self, network: Network, filters: FloatArray) -> FloatArray:
        vectors = network(filters)
        vectors *= self.scale_[0]
        vectors += self.mean_
        return vectors

    def _require_combinations(self, n_rows: int) -> None:
        combinations = self.columns**self.matrices
        if n_rows > 1 and combinations < 2 * n_rows:
            raise ParameterError(
                f"{self.name}: `columns` to the power of `matrices` must be at least {2 * n_rows}, "
                f"twice the number of rows, got {self.columns}^{self.matrices} = {combinations}"
            )

    def _require_sources(self, dim: int) -> None:
        n_numbers = self.matrices * self.columns * dim
        if n_numbers > SOURCE_NUMBERS:
            raise ParameterError(
                f"{self.name}: `matrices` times `columns` times {dim} dimensions must be at most {SOURCE_NUMBERS}, "
                f"got {n_numbers}"
            )

    def _root_mean_square(self, vectors: FloatArray) -> float:
        """Of the centred vectors; 1 if they are all alike."""
        total = sum(
            float(np.square(vectors[block] - self.mean_, dtype=np.float64).sum()) for block in blocks(len(vectors))
        )
        scale = np.sqrt(total / max(1, vectors.size))
        return float(scale) if scale >= np.finfo(np.float32).tiny else 1.0

    def _fixed_bytes(self, n_rows: int, dim: int) -> int:
        """Bytes that do not depend on the number of hidden units: o, mean, scale, exceptions, stored filters."""
        size = 4 * (dim + dim + 1) + 16 * len(self.redrawn_rows_)
        if self.store_filters:
            size += bits.stream_bytes(n_rows, self.matrices * symbol_bits(self.columns)) + self.sources_.nbytes
        return size

    def _n_units(self, n_rows: int, dim: int, fixed_bytes: int) -> int:
        """D_inter: as given, or what leaves the network ``ratio`` times smaller than the vectors, at least 1."""
        if not isinstance(self.inter, str):
            return self.inter
        ratio = RATIO if isinstance(self.ratio, str) else self.ratio
        room = 4 * n_rows * dim / ratio - fixed_bytes
        return max(1, int(room / narrow.unit_bytes(self.weights, dim, dim)))

    def _train(
        self,
        network: Network,
        vectors: FloatArray,
        filters: Filters,
        rng: np.random.Generator,
        progress: Progress,
        *,
        centred: bool,
    ) -> list[float]:
        """Train ``network`` in place; return the mean relative squared error during each epoch.

        Raises:
            ParameterError: the loss is no longer finite.
        """
        n_rows, dim = vectors.shape
        trainer = Trainer(network, min(self.batch_size, n_rows), fix_base=self.fix_base, centred=centred)
        schedule = Schedule(self._n_epochs(n_rows), -(-n_rows // self.batch_size), self.time_budget, progress)
        peak = learning_rate(len(network.inner)) if isinstance(self.learning_rate, str) else self.learning_rate
        with single_threaded_blas(), np.errstate(over="ignore", invalid="ignore"):
            for batch in schedule.batches(n_rows, self.batch_size, rng):
                targets = (vectors[batch] - self.mean_) / self.scale_[0]
                loss = trainer.step(filters[batch], targets, peak * schedule.rate) / dim
                if not np.isfinite(loss):
                    raise ParameterError(f"{self.name}: training diverged; `learning_rate` must be below {peak:g}")
                schedule.record(loss, len(batch))
        return schedule.losses

    def _n_epochs(self, n_rows: int) -> int:
        if not isinstance(self.epochs, str):
            return self.epochs
        return max(1, min(EPOCHS, STEPS * self.batch_size // max(1, n_rows)))

    def _describe(self, vectors: FloatArray, filters: Filters, trained: Network, losses: list[float]) -> Report:
        """Units, epochs run, losses, errors, rows redrawn, bytes and their ratio, warnings.

        ``trained`` is the network before its weights were rounded; ``losses`` are mean relative squared errors during
        each epoch.
        """
        units, dim = trained.inner.shape
        n_bytes = self._fixed_bytes(*vectors.shape) + units * narrow.unit_bytes(self.weights, dim, dim)
        error, rounded_error = (self._relative_error(vectors, filters, each) for each in (trained, self.network_))
        shared = filters.n_shared()
        return {
            "units": units,
            "epochs": len(losses),
            "losses": [round(loss, 6) for loss in losses],
            "error_rows": min(len(vectors), ERROR_ROWS),
            "relative_error": {"trained": round(error, 6), "stored": round(rounded_error, 6)},
            "redrawn": len(self.redrawn_rows_),
            "shared_filters": shared,
            "numbers": {"vectors": vectors.size, "network": trained.inner.size + trained.outer.size + dim},
            "ratio": round(vectors.nbytes / n_bytes, 3),
            "deterministic": isinstance(self.time_budget, str),
            "warnings": list(self._warnings(vectors.nbytes, n_bytes, rounded_error, shared)),
        }

    def _warnings(self, vectors_bytes: int, n_bytes: int, error: float, n_shared: int) -> Iterator[str]:
        if n_bytes >= vectors_bytes:
            yield (
                f"nothing is saved: the network takes {n_bytes} bytes, the float32 vectors {vectors_bytes}; "
                "give a lower `inter` or a higher `ratio`"
            )
        if error > POOR_ERROR:
            weights = "" if self.weights == "int8" else ", `weights` 'int8'"
            yield (
                f"vectors come back with a relative squared error of {error:.2f}; "
                f"give a higher `inter`, a lower `ratio`{weights} or more `epochs`"
            )
        if n_shared:
            yield f"{n_shared} words have the filter of another word and so its vector; use `filter` 'real'"
        if not isinstance(self.time_budget, str):
            yield f"training was given {self.time_budget:g} seconds: another run gives other bytes"

    def _relative_error(self, vectors: FloatArray, filters: Filters, network: Network) -> float:
        """‖X − X̂‖² / ‖X − mean‖² over at most ``ERROR_ROWS`` rows, evenly spread; 0 if those are all alike."""
        chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), ERROR_ROWS)).astype(np.int64)

        def sums(block: slice) -> DoubleArray:
            exact = vectors[chosen[block]]
            difference = exact - self._vectors(network, filters[chosen[block]])
            centred = exact - self.mean_
            return np.array([np.square(each, dtype=np.float64).sum() for each in (difference, centred)])

        error, variance = sum(map_blocks(sums, len(chosen), self.block_rows), start=np.zeros(2))
        return float(error / variance) if variance else 0.0
