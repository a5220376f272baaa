"""Rows that come from a matrix beside a list of words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.embedding import FloatMatrix
from embcomp.formats.parser import Block, keep_finite

BLOCK_BYTES = 1 << 21


class MatrixParser:
    """Rows of any numeric type, some at a time; they become float32."""

    def __init__(
        self,
        name: str,
        format_name: str,
        dim: int,
        rows: Iterator[tuple[list[str], NDArray[Any]]],
        bad_rows: str,
        shadows: int = 0,
    ) -> None:
        self.format = format_name
        self.dim = dim
        self.bad_rows = 0
        self.shadows = shadows
        self._name = name
        self._rows = rows
        self._on_bad_rows = bad_rows

    def place(self, number: int) -> str:
        """Name a row."""
        return f"{self._name}: row {number}"

    def blocks(self) -> Iterator[Block]:
        """Yield the rows.

        Raises:
            InputError: a number is not finite as float32.
        """
        first = 1
        for words, rows in self._rows:
            block = Block(words, _float32(rows), range(first, first + len(words)))
            kept = keep_finite(block, self, self._on_bad_rows)
            self.bad_rows += len(words) - len(kept.words)
            first += len(words)
            yield kept


def rows_per_block(dim: int) -> int:
    """How many rows make a block of some MB."""
    return max(1, BLOCK_BYTES // (4 * dim))


def _float32(rows: NDArray[Any]) -> FloatMatrix:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(rows, dtype=np.float32)
