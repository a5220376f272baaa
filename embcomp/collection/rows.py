"""Words with their codes, between a part of a source and the file that they end in.

A *position* is the number of a row among all rows of all parts, before words that an earlier part has are dropped. A
row's *grade* is that of its position in the whole source, so the codes of a part may begin with any grade.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import RowIds
from embcomp.bits import BytesArray, row_bytes
from embcomp.codes import Codes, bands_of
from embcomp.compressors.base import Compressor


class Rows(NamedTuple):
    """Some rows, by position.

    Attributes:
        words: n strings.
        positions: int64, shape (n,), ascending.
        codes: of each grade the loose rows of code; together n rows.
    """

    words: list[str]
    positions: RowIds
    codes: list[BytesArray]

    def take(self, chosen: RowIds) -> Rows:
        """Return some of the rows, whose numbers ascend."""
        starts = np.cumsum([0, *map(len, self.codes)]).tolist()
        cuts = np.searchsorted(chosen, starts).tolist()
        pieces = zip(self.codes, starts, pairwise(cuts), strict=False)
        codes = [loose[chosen[first:last] - start] for loose, start, (first, last) in pieces]
        return Rows([self.words[each] for each in chosen.tolist()], self.positions[chosen], codes)

    @classmethod
    def merged(cls, several: Iterable[Rows], compressor: Compressor) -> Rows:
        """Put rows together, by position; ``compressor`` made the codes."""
        several = [no_rows(compressor), *several]
        positions = np.concatenate([rows.positions for rows in several])
        order = np.argsort(positions, kind="stable")
        words = [word for rows in several for word in rows.words]
        codes = []
        for loose in zip(*(zip(rows.codes, _places(rows), strict=True) for rows in several), strict=True):
            places = np.concatenate([each for _, each in loose])
            codes.append(np.concatenate([each for each, _ in loose])[np.argsort(places, kind="stable")])
        return cls([words[each] for each in order.tolist()], positions[order], codes)

    def pack(self, compressor: Compressor) -> Codes:
        """Return the codes as a file has them that has no other rows."""
        bands = bands_of(compressor, len(self.words))
        return Codes.pack(bands, [loose for loose in self.codes if len(loose)] or self.codes[:1])


def no_rows(compressor: Compressor) -> Rows:
    """Return no rows, of codes of this method."""
    codes = [np.zeros((0, row_bytes(layout.row_bits)), dtype=np.uint8) for layout in compressor.layouts]
    return Rows([], np.zeros(0, dtype=np.int64), codes)


def _places(rows: Rows) -> list[RowIds]:
    """The positions of the rows of each grade."""
    starts = np.cumsum([0, *map(len, rows.codes)]).tolist()
    return [rows.positions[start:stop] for start, stop in pairwise(starts)]


def shards_of(words: Sequence[str], n_shards: int) -> NDArray[np.int64]:
    """Return the shard of each word, from 0 on: the upper bits of ``n_shards`` times the CRC-32 of its UTF-8."""
    sums = np.fromiter((zlib.crc32(_key(word)) for word in words), dtype=np.uint64, count=len(words))
    return (sums * np.uint64(n_shards) >> np.uint64(32)).astype(np.int64)


def shard_of(word: str, n_shards: int) -> int:
    """Return the shard of one word."""
    return zlib.crc32(_key(word)) * n_shards >> 32


def _key(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")
