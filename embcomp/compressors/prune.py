"""Magnitude pruning [See, Luong, Manning 2016, CoNLL], as iiq.txt §5 uses it on embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import BytesArray
from embcomp.checks import Boolean, Option, Real
from embcomp.compressors.base import CodeLayout, Compressor, State, state_array
from embcomp.compressors.binary import head
from embcomp.embedding import FloatMatrix
from embcomp.errors import CorruptError, ParameterError
from embcomp.progress import Progress, no_progress
from embcomp.threads import map_blocks


class PruneCompressor(Compressor):
    """Set the smallest ``fraction`` of all numbers to 0 and keep the others as they are.

    Which numbers are the smallest is judged over the whole matrix (*class-blind*, the best in See et al.), or with
    ``per_word`` within each row. iiq.txt prunes 95 %. Nothing is retrained, as there is no task.

    The numbers kept are stored as a compressed sparse row matrix: their float32 values, their columns in one or two
    bytes each, and the end of every row. What that takes is what the ratios count: 95 % pruned is 16 times fewer
    bytes at best, not 20, since columns have to be stored too. A row's code is its place in that matrix: it belongs
    to the row and not to its vector, and new vectors cannot be encoded.

    Attributes:
        values_: float32, shape (n_kept,).
        columns_: uint8 if there are at most 256 dimensions, else uint16, shape (n_kept,).
        ends_: uint32, shape (n,): where each row's numbers end.
        dim_: int32, shape (1,).
    """

    name = "prune"
    summary = "set the smallest numbers to zero, store the rest sparsely (See et al. 2016)"
    encodes_vectors = False
    options: ClassVar[tuple[Option, ...]] = (
        Option("fraction", Real(0, 1), 0.95, "share of all numbers set to 0"),
        Option("per_word", Boolean(), False, "prune that share of each row instead of the whole matrix"),
    )

    values_: NDArray[np.float32]
    columns_: NDArray[np.uint8] | NDArray[np.uint16]
    ends_: NDArray[np.uint32]
    dim_: NDArray[np.int32]

    def __init__(self, fraction: float = 0.95, per_word: bool = False) -> None:
        self.fraction = fraction
        self.per_word = per_word

    @classmethod
    def options_for_ratio(cls, ratio: float, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The fraction with which values, columns and ends take a ``ratio``-th of 4 · dim bytes a row."""
        if "fraction" in given:
            return None
        room = 4 * dim / ratio - 4  # of a row's end
        kept = room / (dim * (4 + np.dtype(_column_type(dim)).itemsize))
        return {"fraction": min(1.0, max(0.0, math.ceil((1 - kept) * 1e6) / 1e6))}  # digits for people to read

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Keep the largest numbers of ``vectors``, row by row in their order."""
        self._keep(vectors, np.arange(len(vectors), dtype=np.int64))
        return self

    def fit_encode(
        self,
        vectors: FloatMatrix,
        row_ids: NDArray[np.int64] | None = None,
        progress: Progress = no_progress,
    ) -> BytesArray:
        """Keep the largest numbers, rows in the order of ``row_ids``; the codes are empty."""
        order = np.arange(len(vectors), dtype=np.int64) if row_ids is None else np.argsort(row_ids)
        self._keep(vectors, order)
        return np.zeros((len(vectors), 0), dtype=np.uint8)

    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Refuse.

        Raises:
            ParameterError: always.
        """
        self._require_fitted("values_")
        self._require_dim(vectors)
        if len(vectors):
            raise ParameterError("prune: new vectors cannot be encoded, a row's numbers are stored in its place")
        return np.zeros((0, 0), dtype=np.uint8)

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return the rows with zeros where numbers were pruned."""
        self._require_fitted("values_")
        rows = np.arange(len(codes), dtype=np.int64) if row_ids is None else row_ids
        ends = self.ends_[rows].astype(np.int64)
        starts = np.where(rows > 0, self.ends_[rows - 1], 0).astype(np.int64)
        lengths = ends - starts
        owners = np.repeat(np.arange(len(rows)), lengths)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        kept = np.repeat(starts, lengths) + within
        out = np.zeros((len(rows), self.dim), dtype=np.float32)
        out[owners, self.columns_[kept]] = self.values_[kept]
        return out

    @property
    def dim(self) -> int:
        """Columns of the matrix."""
        self._require_fitted("dim_")
        return int(self.dim_[0])

    @property
    def layout(self) -> CodeLayout:
        """No bits: the row's number is its code."""
        self._require_fitted("dim_")
        return CodeLayout("none", 0)

    @property
    def report(self) -> dict[str, Any]:
        """How many numbers are left, and how many rows have none."""
        self._require_fitted("values_")
        lengths = np.diff(self.ends_.astype(np.int64), prepend=0)
        return {"numbers_kept": len(self.values_), "rows_without_numbers": int((lengths == 0).sum())}

    @property
    def n_rows(self) -> int:
        """Rows of the sparse matrix."""
        self._require_fitted("ends_")
        return len(self.ends_)

    def get_state(self) -> State:
        """Return the sparse matrix."""
        self._require_fitted("values_")
        return {"values": self.values_, "columns": self.columns_, "ends": self.ends_, "dim": self.dim_}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take a sparse matrix whose parts fit together."""
        self.dim_ = state_array(state, "dim", "<i4", 1)
        self.values_ = state_array(state, "values", "<f4", None)
        self.ends_ = state_array(state, "ends", "<u4", None)
        self.columns_ = state_array(state, "columns", _column_type(max(1, self.dim)), len(self.values_))
        ends = self.ends_.astype(np.int64)
        last = int(ends[-1]) if len(ends) else 0
        if (np.diff(ends) < 0).any() or last != len(self.values_):
            raise CorruptError("state 'ends' must rise to the number of values")
        if len(self.columns_) and int(self.columns_.max()) >= self.dim:
            raise CorruptError(f"state 'columns' must be below {self.dim}, got {int(self.columns_.max())}")

    def _keep(self, vectors: FloatMatrix, order: NDArray[np.int64]) -> None:
        self._require_matrix(vectors)
        head(self.name, vectors, "all")
        dim = vectors.shape[1]
        if dim > 2**16:
            raise ParameterError(f"prune: at most {2**16} dimensions, got {dim}")
        n_per_row = dim - round(self.fraction * dim)
        threshold = 0.0 if self.per_word else _quantile(vectors, self.fraction)

        def kept_of(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
            block = vectors[order[rows]]
            mask = _largest(block, n_per_row) if self.per_word else np.abs(block) > threshold
            counts = mask.sum(axis=1)
            return counts, np.nonzero(mask)[1], block[mask]

        parts = list(map_blocks(kept_of, len(vectors)))
        column_type = np.dtype(_column_type(dim))
        self.dim_ = np.array([dim], dtype=np.int32)
        self.ends_ = np.cumsum(_joined([part[0] for part in parts], np.int64)).astype(np.uint32)
        self.columns_ = _joined([part[1].astype(column_type) for part in parts], column_type)
        self.values_ = _joined([part[2] for part in parts], np.dtype(np.float32))


def _quantile(vectors: FloatMatrix, fraction: float) -> float:
    """The magnitude that ``fraction`` of all numbers do not exceed; −1 if none is to be pruned."""
    n_pruned = round(fraction * vectors.size)
    if n_pruned == 0:
        return -1.0
    magnitudes = np.abs(vectors).reshape(-1)
    magnitudes.partition(n_pruned - 1)
    return float(magnitudes[n_pruned - 1])


def _largest(block: FloatMatrix, n_kept: int) -> NDArray[np.bool_]:
    """Truth where a number is among the ``n_kept`` largest of its row; ties go to the first columns."""
    order = np.argsort(-np.abs(block), axis=1, kind="stable")[:, :n_kept]
    mask = np.zeros(block.shape, dtype=np.bool_)
    np.put_along_axis(mask, order, True, axis=1)
    return mask


def _column_type(dim: int) -> str:
    return "|u1" if dim <= 256 else "<u2"


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
