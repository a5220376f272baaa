"""ALONE learned in a model [Takase 2020]: every vector is made from one, under a filter of the row's own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from embcomp.checks import Integer, OneOf, Real, require
from embcomp.compressors.base import Compressor
from embcomp.compressors.filters import (
    ASSIGNMENTS,
    GAMMA,
    MAX_COLUMNS,
    Redrawn,
    assign,
    binary_sources,
    real_sources,
    redraw,
)
from embcomp.errors import ParameterError
from embcomp.torch.files import TableLayer, fitted, read_table


class ALONEEmbedding(TableLayer):
    """v_w = W₂ max(0, W₁ (m_w ⊙ o)) [Takase 2020, eq. 1–3]; D_o is ``embedding_dim``.

    The filters m_w are drawn from a seed, as ``embcomp.compressors.filters`` says, and are no part of the state:
    what is stored does not depend on the number of rows.

    Args:
        num_embeddings: rows.
        embedding_dim: numbers of v.
        inter: hidden units D_inter.
        filter: ``binary`` masks or ``real`` numbers.
        columns, matrices, zeros: c, M and p_o of the filters.
        dropout: share of hidden units dropped in training [Takase 2020, §3.2].
        seed: of the filters.

    Attributes:
        base: o, shape (embedding_dim,).
        inner: W₁, shape (inter, embedding_dim).
        outer: W₂ᵀ, shape (inter, embedding_dim).
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        inter: int,
        filter: str = "binary",
        columns: int = 64,
        matrices: int = 8,
        zeros: float = 0.5,
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, check in (
            ("num_embeddings", num_embeddings, Integer(1)),
            ("inter", inter, Integer(1, 10**7)),
            ("filter", filter, OneOf("binary", "real")),
            ("columns", columns, Integer(1, MAX_COLUMNS)),
            ("matrices", matrices, Integer(1, 256)),
            ("zeros", zeros, Real(0, 1, open_ends=True)),
            ("seed", seed, Integer(0, 2**32 - 1)),
        ):
            require(name, value, check)
        if num_embeddings > 1 and columns**matrices < 2 * num_embeddings:
            raise ParameterError(
                f"`columns` to the power of `matrices` must be at least {2 * num_embeddings}, "
                f"twice the number of rows, got {columns}^{matrices} = {columns**matrices}"
            )
        self.num_embeddings, self.embedding_dim, self.dropout = num_embeddings, embedding_dim, dropout
        self.filter, self.columns, self.matrices, self.zeros, self.seed = filter, columns, matrices, zeros, seed
        self.base = nn.Parameter(torch.ones(embedding_dim))
        self.inner = nn.Parameter(torch.randn(inter, embedding_dim) * math.sqrt(2 / embedding_dim))
        self.outer = nn.Parameter(torch.randn(inter, embedding_dim) / math.sqrt(inter))
        rows = np.arange(num_embeddings, dtype=np.int64)
        self.redrawn: Redrawn = redraw(seed, rows, matrices, columns)
        taken = assign(seed, rows, self.redrawn.attempts_of(rows), matrices, columns)
        self.register_buffer("assignments", torch.from_numpy(taken.astype(np.int32)), persistent=False)
        self.register_buffer("sources", torch.from_numpy(self._drawn_sources()), persistent=False)

    def forward(self, indices: Tensor) -> Tensor:
        """Return the vectors of rows, int64 of any shape: shape (…, embedding_dim)."""
        distinct, places = torch.unique(indices, return_inverse=True)
        return functional.embedding(places, self._vectors(distinct))

    def filters(self, indices: Tensor) -> Tensor:
        """Return m of rows, int64, shape (n,): shape (n, embedding_dim)."""
        return combined(self.sources, functional.embedding(indices, self.assignments)).to(self.base.dtype)

    def _table(self) -> tuple[Compressor, Tensor]:
        """The method is ``alone``, with float32 weights."""
        names = ("filter", "columns", "matrices", "zeros")
        options = {name: getattr(self, name) for name in names}
        options |= {"inter": len(self.inner), "weights": "float32", "random_state": self.seed}
        state = {"mean": torch.zeros(self.embedding_dim), "scale": torch.ones(1)}
        state |= {"base": self.base, "inner": self.inner, "outer": self.outer}
        redrawn = {"redrawn_rows": self.redrawn.rows, "redrawn_attempts": self.redrawn.attempts}
        state |= {name: torch.from_numpy(array) for name, array in redrawn.items()}
        no_codes = torch.zeros(self.num_embeddings, 0, dtype=torch.uint8)
        return fitted("alone", options, state), no_codes

    @classmethod
    def from_embc(cls, path: str | Path) -> ALONEEmbedding:
        """Read a file of the method ``alone`` that :meth:`to_embc` wrote: it writes the same bytes again.

        Raises:
            ParameterError: the file has another method, or was compressed from vectors.
        """
        file, table, state, _ = read_table(path, "alone")
        if table.weights != "float32" or table.store_filters or state["mean"].any() or state["scale"] != 1:
            raise ParameterError(f"{path}: it was not learned in a model: `embcomp.torch.load` reads it")
        options = {name: getattr(table, name) for name in ("filter", "columns", "matrices", "zeros")}
        layer = cls(len(file), file.dim, inter=len(state["inner"]), seed=table.random_state, **options)
        layer.load_state_dict({name: state[name] for name in ("base", "inner", "outer")})
        return layer

    def _vectors(self, indices: Tensor) -> Tensor:
        hidden = functional.relu(functional.linear(self.filters(indices) * self.base, self.inner))
        return functional.dropout(hidden, self.dropout, self.training) @ self.outer

    def _drawn_sources(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.float32]]:
        sizes = (self.seed, self.matrices, self.columns, self.embedding_dim)
        return binary_sources(*sizes, self.zeros) if self.filter == "binary" else real_sources(*sizes)


def drawn_columns(seed: int, rows: Tensor, attempts: Tensor, n_matrices: int, n_columns: int) -> Tensor:
    """Return what :func:`embcomp.compressors.filters.assign` does, int64, shape (n, M): arithmetic is modulo 2⁶⁴."""
    streams = attempts + ASSIGNMENTS
    key = _mix(_mix(torch.full_like(rows, _signed(seed + GAMMA))) ^ streams)
    index = rows[:, None] * n_matrices + torch.arange(n_matrices, device=rows.device)
    words = _mix(key[:, None] + (index + 1) * _signed(GAMMA))
    return (_shifted(words, 32) * n_columns) >> 32


def _mix(values: Tensor) -> Tensor:
    """Return SplitMix64's output function of int64, taken as unsigned."""
    values = (values ^ _shifted(values, 30)) * _signed(0xBF58476D1CE4E5B9)
    values = (values ^ _shifted(values, 27)) * _signed(0x94D049BB133111EB)
    return values ^ _shifted(values, 31)


def _shifted(values: Tensor, n_bits: int) -> Tensor:
    """Shift right as unsigned numbers."""
    return (values >> n_bits) & ((1 << (64 - n_bits)) - 1)


def _signed(number: int) -> int:
    """Return the int64 with the bits of a number modulo 2⁶⁴."""
    return (number + 2**63) % 2**64 - 2**63


def combined(sources: Tensor, columns: Tensor) -> Tensor:
    """Return filters, float32, shape (n, dim), as :func:`embcomp.compressors.filters.combine` does.

    Args:
        sources: uint8 or float32, shape (M, c, dim).
        columns: that rows take, integers, shape (n, M).
    """
    places = columns + torch.arange(len(sources), device=columns.device, dtype=columns.dtype) * sources.shape[1]
    if sources.dtype == torch.uint8:
        taken = functional.embedding(places, sources.flatten(0, 1))
        return taken.amax(dim=1).to(torch.float32)
    return functional.embedding_bag(places, sources.flatten(0, 1), mode="sum") / math.sqrt(len(sources))
