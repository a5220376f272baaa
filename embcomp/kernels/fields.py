"""Rows of code made of symbols: sums of the words and numbers that these stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp import bits, kernels
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.kernels.turned import turned

Group: TypeAlias = tuple[NDArray[np.integer] | list[int], FloatArray]

WORD = -1


@dataclass(frozen=True)
class Sums:
    """What each symbol of a row of code stands for, in the order of the code; symbols of words come first.

    Attributes:
        places: int32, shape (symbols, 3): bits of the symbol; the column of its number, ``WORD`` for a word, or k for
            a factor of all columns; which number or word its value 0 stands for.
        numbers: float32.
        words: float32, shape (words, k).
        centre: what is added to them before the numbers, float32, shape (k,).
    """

    places: NDArray[np.int32]
    numbers: FloatArray
    words: FloatArray
    centre: FloatArray

    @classmethod
    def of(cls, groups: Sequence[Group], words: FloatArray, centre: FloatArray) -> Sums:
        """Take codebooks, float32, shape (books, 2^b, k), and groups of symbols with as many bits each.

        A group is the columns of its symbols and what their values stand for, float32, shape (symbols, 2^b).
        """
        n_books, n_ways, dim = words.shape
        all_columns = [[WORD] * n_books, *(columns for columns, _ in groups)]
        n_values = np.repeat([n_ways, *(numbers.shape[1] for _, numbers in groups)], list(map(len, all_columns)))
        starts = np.cumsum(n_values) - n_values
        starts[n_books:] -= n_books * n_ways
        n_bits = np.frexp(n_values)[1] - 1
        return cls(
            np.stack([n_bits, np.concatenate(all_columns), starts], axis=1).astype(np.int32),
            np.concatenate([np.empty(0, np.float32), *(numbers.reshape(-1) for _, numbers in groups)]),
            words.reshape(n_books * n_ways, dim),
            centre,
        )

    def sums(self, stream: BytesArray, width: int, rows: RowIds) -> FloatArray:
        """Return what some rows of a stream of codes stand for, float32, shape (n, k).

        Additions are of float32, in the order of the code.
        """
        out = np.empty((len(rows), len(self.centre)), dtype=np.float32)
        if kernels.native is not None and width:
            sizes = (len(rows), width, len(self.places), len(self.centre), len(self.numbers), len(self.words))
            kernels.native.fields(stream, rows, self.places, self.numbers, self.words, self.centre, out, sizes)
            return out
        with np.errstate(over="ignore", invalid="ignore"):
            self._add(np.unpackbits(bits.take(stream, width, rows), axis=1), out)
        return out

    def _add(self, unpacked: BytesArray, out: FloatArray) -> None:
        out[:], stop = 0, 0
        after_words = False
        for n_bits, column, first in [*self.places.tolist(), (0, None, 0)]:
            if column != WORD and not after_words:
                out += self.centre
                after_words = True
            start, stop = stop, stop + n_bits
            entries = first + unpacked[:, start:stop] @ (1 << np.arange(n_bits)[::-1])
            if column == WORD:
                out += self.words[entries]
            elif column == out.shape[1]:
                out *= self.numbers[entries, None]
            elif column is not None:
                out[:, column] += self.numbers[entries]


@dataclass(frozen=True)
class TurnedSums:
    """Decodes rows of symbols: what they stand for, times a matrix.

    Attributes:
        sums: of shape (k,) for each row.
        matrix: float32, shape (k, dim).
        start: what is added first, float32, shape (dim,).
    """

    sums: Sums
    matrix: FloatArray
    start: FloatArray

    def __call__(self, stream: BytesArray, width: int, rows: RowIds, out: FloatArray) -> None:
        """Write the vectors of some rows of a stream of codes to ``out``, float32, shape (n, dim)."""
        turned(self.sums.sums(stream, width, rows), self.matrix, self.start, out)
