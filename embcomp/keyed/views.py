"""Views of a compressed embedding: a matrix, a list and a mapping, decoded on demand.

All three are indexed by rank, the position in the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

from embcomp.arrays import FloatArray
from embcomp.encoded import EncodedEmbedding
from embcomp.threads import CHUNK_ROWS
from embcomp.vocabulary import Vocabulary


class DecodedMatrix(NDArrayOperatorsMixin):
    """All vectors, decoded when asked for: a read-only array-like, float32, shape (rows, dim).

    Indexing decodes the rows asked for and no others. Whatever needs all numbers at once, such as arithmetic with the
    whole matrix or ``numpy.asarray``, decodes all of them, each time.
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, encoded: EncodedEmbedding) -> None:
        self._encoded = encoded
        self.shape = (len(encoded), encoded.dim)

    @property
    def size(self) -> int:
        """Numbers in the matrix."""
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> FloatArray:
        rows, columns = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if isinstance(rows, int | np.integer) and not isinstance(rows, bool):
            one: FloatArray = self._encoded.decode_rows(np.array([range(len(self))[int(rows)]]))[0]
            return one[columns]
        if rows is None or rows is Ellipsis or not all(isinstance(part, slice | int) for part in columns):
            whole: FloatArray = np.asarray(self)[key]  # numpy's rules for combining indices are its own
            return whole
        ranks = np.arange(len(self))[rows]
        decoded = self._encoded.decode_rows(ranks.reshape(-1)).reshape(*ranks.shape, self.shape[1])
        return decoded[(slice(None),) * ranks.ndim + columns]

    def __iter__(self) -> Iterator[FloatArray]:
        for first in range(0, len(self), CHUNK_ROWS):
            yield from self[first : first + CHUNK_ROWS]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("vectors are decoded into a new array: copy=False is not possible")
        return self._encoded.decode_all().astype(dtype or self.dtype, copy=False)

    @property
    def T(self) -> FloatArray:  # noqa: N802  NumPy's name
        """All vectors, transposed: shape (dim, rows)."""
        return np.asarray(self).T

    def astype(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return all vectors in another type."""
        return self.__array__(dtype)

    def copy(self) -> FloatArray:
        """Return all vectors as an array of their own."""
        return self._encoded.decode_all()

    def mean(self, axis: int | None = None, **options: Any) -> Any:
        """Return the mean as :func:`numpy.mean` does."""
        return np.mean(np.asarray(self), axis=axis, **options)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = [np.asarray(value) if isinstance(value, DecodedMatrix) else value for value in inputs]
        if any(isinstance(value, DecodedMatrix) for value in options.get("out", ())):
            return NotImplemented
        return getattr(ufunc, method)(*arrays, **options)

    def __repr__(self) -> str:
        return f"DecodedMatrix(shape={self.shape}, dtype=float32)"


class WordList(Sequence[str]):
    """All words by rank; a slice is a list."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def __len__(self) -> int:
        return len(self._vocabulary)

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> list[str]: ...
    def __getitem__(self, key: int | slice) -> str | list[str]:
        chosen = range(len(self))[key]
        if isinstance(chosen, range):
            return self._vocabulary.words(np.array(chosen, dtype=np.int64))
        return self._vocabulary.word(chosen)

    def __iter__(self) -> Iterator[str]:
        return iter(self._vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self._vocabulary

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"WordList({len(self)} words)"


class WordIndex(Mapping[str, int]):
    """The rank of each word."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def __len__(self) -> int:
        return len(self._vocabulary)

    def __iter__(self) -> Iterator[str]:
        return iter(self._vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self._vocabulary

    def __getitem__(self, word: str) -> int:
        return self._vocabulary.rank(word)

    def get(self, word: Any, default: Any = None) -> Any:
        """Return the rank of ``word``, or ``default``."""
        rank = self._vocabulary.find(word) if isinstance(word, str) else -1
        return default if rank < 0 else rank

    def __repr__(self) -> str:
        return f"WordIndex({len(self)} words)"
