"""Magnitude pruning [See 2016], as [Liao 2020, §5] uses it on embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import AnyArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Boolean, Real, option
from embcomp.compressors.base import CodeLayout, Report
from embcomp.compressors.rows import RowCompressor
from embcomp.compressors.state import array
from embcomp.errors import CorruptError, ParameterError
from embcomp.progress import Progress
from embcomp.threads import map_blocks

MAX_COLUMNS = 2**16  # two bytes count them


class PruneCompressor(RowCompressor):
    """Set the smallest ``fraction`` of all numbers to 0 and keep the others unchanged.

    Which numbers are the smallest is decided over the whole matrix (*class-blind*, the best in [See 2016]), or with
    ``per_word`` within each row. [Liao 2020] prunes 95 %. Nothing is retrained, as there is no task.

    The numbers kept are stored as a compressed sparse row matrix: their float32 values, their columns in one or two
    bytes each, and the end of every row. The ratios count all of that: 95 % pruned is 16 times fewer bytes
    at best, not 20, because columns have to be stored too. A row's code is its place in that matrix: it belongs
    to the row and not to its vector, and new vectors cannot be encoded.
    """

    name = "prune"
    summary = "set the smallest numbers to zero, store the rest sparsely (See et al. 2016)"
    decodes_by_products = False

    fraction: float = option(Real(0, 1), "share of all numbers set to 0", default=0.95)
    per_word: bool = option(Boolean(), "prune that share of each row instead of the whole matrix", default=False)

    dim_: NDArray[np.int32] = array("<i4", 1)
    values_: FloatArray = array("<f4", "kept")
    columns_: NDArray[np.uint8] | NDArray[np.uint16] = array(lambda prune: _column_type(prune.dim), "kept")
    ends_: NDArray[np.uint32] = array("<u4", "rows")

    @classmethod
    def options_for_ratio(cls, ratio: float, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The fraction with which values, columns and ends take a ``ratio``-th of 4 · dim bytes a row."""
        if "fraction" in given:
            return None
        room = 4 * dim / ratio - 4  # of a row's end
        kept = room / (dim * (4 + np.dtype(_column_type(dim)).itemsize))
        return {"fraction": min(1.0, max(0.0, math.ceil((1 - kept) * 1e6) / 1e6))}  # digits shown

    def _fit_encode(self, vectors: FloatArray, progress: Progress) -> tuple[Report, BytesArray]:
        """Keep the largest numbers; the codes are empty."""
        dim = vectors.shape[1]
        if dim > MAX_COLUMNS:
            raise ParameterError(f"prune: vectors must have at most {MAX_COLUMNS} dimensions, got {dim}")
        n_per_row = dim - round(self.fraction * dim)
        threshold = 0.0 if self.per_word else _quantile(vectors, self.fraction)

        def kept_of(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
            block = vectors[rows]
            mask = _largest(block, n_per_row) if self.per_word else np.abs(block) > threshold
            return mask.sum(axis=1), np.nonzero(mask)[1], block[mask]

        parts = list(map_blocks(kept_of, len(vectors)))
        column_type = np.dtype(_column_type(dim))
        lengths = _joined([part[0] for part in parts], np.int64)
        self.dim_ = np.array([dim], dtype=np.int32)
        self.ends_ = np.cumsum(lengths).astype(np.uint32)
        self.columns_ = _joined([part[1].astype(column_type) for part in parts], column_type)
        self.values_ = _joined([part[2] for part in parts], np.float32)
        report = {"numbers_kept": len(self.values_), "rows_without_numbers": int((lengths == 0).sum())}
        return report, np.zeros((len(vectors), 0), dtype=np.uint8)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        """The rows with zeros where numbers were pruned."""
        ends = self.ends_[row_ids].astype(np.int64)
        starts = np.where(row_ids > 0, self.ends_[row_ids - 1], 0).astype(np.int64)
        lengths = ends - starts
        owners = np.repeat(np.arange(len(row_ids)), lengths)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        kept = np.repeat(starts, lengths) + within
        out = np.zeros((len(row_ids), self.dim), dtype=np.float32)
        out[owners, self.columns_[kept]] = self.values_[kept]
        return out

    @property
    def dim(self) -> int:
        """Columns of the matrix."""
        self._require_fitted()
        return int(self.dim_[0])

    @property
    def layout(self) -> CodeLayout:
        """No bits: the row's number is its code."""
        self._require_fitted()
        return CodeLayout("none", 0)

    def _check_state(self) -> None:
        """Check the number of dimensions, that ends ascend to the number of values, and that columns are in range."""
        if not 1 <= self.dim <= MAX_COLUMNS:
            raise CorruptError(f"state 'dim' must be from 1 to {MAX_COLUMNS}, got {self.dim}")
        ends = self.ends_.astype(np.int64)
        last = int(ends[-1]) if len(ends) else 0
        if (np.diff(ends) < 0).any() or last != len(self.values_):
            raise CorruptError("state 'ends' must rise to the number of values")
        if len(self.columns_) and int(self.columns_.max()) >= self.dim:
            raise CorruptError(f"state 'columns' must be below {self.dim}, got {int(self.columns_.max())}")


def _quantile(vectors: FloatArray, fraction: float) -> float:
    """The magnitude that ``fraction`` of all numbers do not exceed; −1 if none is to be pruned."""
    n_pruned = round(fraction * vectors.size)
    if n_pruned == 0:
        return -1.0
    magnitudes = np.abs(vectors).reshape(-1)
    magnitudes.partition(n_pruned - 1)
    return float(magnitudes[n_pruned - 1])


def _largest(block: FloatArray, n_kept: int) -> NDArray[np.bool_]:
    """Truth where a number is among the ``n_kept`` largest of its row; ties go to the first columns."""
    order = np.argsort(-np.abs(block), axis=1, kind="stable")[:, :n_kept]
    mask = np.zeros(block.shape, dtype=np.bool_)
    np.put_along_axis(mask, order, True, axis=1)
    return mask


def _column_type(dim: int) -> str:
    return "|u1" if dim <= 256 else "<u2"


def _joined(parts: list[AnyArray], dtype: Any) -> AnyArray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
