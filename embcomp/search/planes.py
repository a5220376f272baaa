"""Binary codes laid out for scanning: in lanes of 64 bits, in order of rank, in blocks that fit a core's cache.

*planes*  uint64, shape (n_blocks, n_lanes, SCAN_ROWS): lane ``l`` of row ``b * SCAN_ROWS + r`` is at
          ``[b, l, r]``. Rows are padded with zero bits to whole lanes, the last block with zero rows.
*lanes*   uint64, shape (n_lanes,): one code, padded alike.

The order of bits and bytes within a lane does not matter, as long as it is the same everywhere: distances count bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, UInt64Array
from embcomp.bits import BytesArray
from embcomp.shortlist import Shortlist

LANE_BYTES = 8
SCAN_ROWS = 32768  # × 8 bytes: a plane of a block takes 256 kB, and a few of them fit the second-level cache
BYTE_MAX = 255
LANES_PER_BYTE = 3  # whose bits, at most 192, can be counted in a byte


@dataclass(frozen=True)
class Planes:
    """Codes of ``n_rows`` rows of ``n_bits`` bits."""

    lanes: UInt64Array
    n_rows: int
    n_bits: int

    @classmethod
    def build(cls, loose: BytesArray, n_bits: int) -> Planes:
        """Lay out loose rows (see :mod:`embcomp.bits`), which are in order of rank."""
        n_rows, n_bytes = loose.shape
        n_lanes = -(-n_bytes // LANE_BYTES)
        n_blocks = -(-n_rows // SCAN_ROWS)
        lanes = np.zeros((n_blocks, n_lanes, SCAN_ROWS), dtype=np.uint64)
        for block in range(n_blocks):
            rows = loose[block * SCAN_ROWS : (block + 1) * SCAN_ROWS]
            lanes[block, :, : len(rows)] = as_lanes(rows).T
        return cls(lanes, n_rows, n_bits)

    def blocks(self, n_rows: int) -> Iterator[tuple[int, UInt64Array]]:
        """Yield first rank and lanes, shape (n_lanes, rows), of blocks that hold the first ``n_rows`` rows."""
        for block, first in enumerate(range(0, n_rows, SCAN_ROWS)):
            yield first, self.lanes[block, :, : n_rows - first]

    def take(self, ranks: NDArray[np.int64]) -> UInt64Array:
        """Return the lanes of some rows, shape (k, n_lanes)."""
        block, row = np.divmod(ranks, SCAN_ROWS)
        taken: UInt64Array = self.lanes[block, :, row]
        return taken


def as_lanes(loose: BytesArray) -> UInt64Array:
    """Pad loose rows with zeros to whole lanes: uint64, shape (n, n_lanes)."""
    n_rows, n_bytes = loose.shape
    padded = np.zeros((n_rows, -(-n_bytes // LANE_BYTES) * LANE_BYTES), dtype=np.uint8)
    padded[:, :n_bytes] = loose
    return padded.view(np.uint64)


class BitSum:
    """Adds up the set bits of several lanes per row, in buffers that are reused for every block."""

    def __init__(self, largest: int) -> None:
        """Prepare for sums of at most ``largest``."""
        self._counts = np.empty(SCAN_ROWS, dtype=np.uint8)
        self._small = np.empty(SCAN_ROWS, dtype=np.uint8)
        self._large = np.empty(SCAN_ROWS if largest > BYTE_MAX else 0, dtype=np.uint16)
        self._lanes_per_byte = LANES_PER_BYTE if largest > BYTE_MAX else np.inf
        self._n_small = 0

    def add(self, lanes: UInt64Array) -> None:
        """Add the set bits of one lane a row, shape (rows,)."""
        small = self._small[: len(lanes)]
        if self._n_small == 0:
            np.bitwise_count(lanes, small)
        else:
            counts = self._counts[: len(lanes)]
            np.bitwise_count(lanes, counts)
            np.add(small, counts, small)
        self._n_small += 1
        if self._n_small == self._lanes_per_byte:
            self._empty_small(len(lanes))

    def start(self, n_rows: int) -> None:
        """Begin the next block."""
        self._large[:n_rows].fill(0)
        self._n_small = 0

    def total(self, n_rows: int) -> NDArray[np.unsignedinteger]:
        """Return the sums of the block, shape (n_rows,); valid until the next."""
        if not len(self._large):
            return self._small[:n_rows]
        if self._n_small:
            self._empty_small(n_rows)
        return self._large[:n_rows]

    def _empty_small(self, n_rows: int) -> None:
        np.add(self._large[:n_rows], self._small[:n_rows], self._large[:n_rows])
        self._n_small = 0


def hamming_nearest(
    planes: Planes, query: UInt64Array, k: int, n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return Hamming distances and ranks of the ``k`` rows nearest to ``query``, among the first ``n_rows``.

    Ordered by (distance, rank); fewer if there are fewer rows. XOR and population count in blocks, no (n,) array.
    """
    nearest = Shortlist(k, bound=lambda score: int(-score))
    for first, distances in _distances(planes, query, n_rows):
        nearest.offer(distances, first)
    ranks, scores = nearest.best()
    return (-scores).astype(np.int64), ranks


def _distances(planes: Planes, query: UInt64Array, n_rows: int) -> Iterator[tuple[int, NDArray[np.unsignedinteger]]]:
    """Yield first rank and distances of blocks of rows; valid until the next."""
    sums = BitSum(planes.n_bits)
    different = np.empty(SCAN_ROWS, dtype=np.uint64)
    queries = _one_by_one(query)
    for first, block in planes.blocks(n_rows):
        size = block.shape[1]
        out = different[:size]
        sums.start(size)
        for lanes, one in zip(block, queries, strict=True):
            np.bitwise_xor(lanes, one, out)
            sums.add(out)
        yield first, sums.total(size)


def _one_by_one(query: UInt64Array) -> list[UInt64Array]:
    """Return lanes as arrays of shape (1,), with which numpy's functions start faster than with scalars."""
    return [query[lane : lane + 1] for lane in range(len(query))]


@dataclass(frozen=True)
class BitWeights:
    """Weights of bits, rounded to multiples of a step that are sums of powers of two: Σ_p 2^p · masks[p].

    A weighted sum over a row's differing bits is then a few population counts, and off by a known amount.

    Attributes:
        masks: uint64, shape (n_planes, n_lanes), for the largest power first.
        step: what one unit of the rounded weights stands for.
        below: Σ of the weights' errors that are negative, as a positive number:
            step · (rounded sum) − below ≤ exact sum.
    """

    masks: UInt64Array
    step: float
    below: float

    @classmethod
    def round(cls, weights: DoubleArray, n_planes: int) -> BitWeights:
        """Round ``weights``, float64 of at least 0, shape (n_bits,), to ``n_planes`` planes with the least error."""
        largest = float(weights.max(initial=0.0))
        top = 2**n_planes - 1
        steps = largest / top * STEP_FRACTIONS if largest > 0 else np.ones(1)
        rounded = np.minimum(np.rint(weights / steps[:, None]), top)
        errors = weights - rounded * steps[:, None]
        best = int(np.abs(errors).sum(axis=1).argmin())
        planes = np.arange(n_planes - 1, -1, -1)
        bits = (rounded[best].astype(np.int64) >> planes[:, None]) & 1
        error = errors[best]
        return cls(
            masks=as_lanes(np.packbits(bits.astype(np.uint8), axis=1)),
            step=float(steps[best]),
            below=float(-error[error < 0].sum()),
        )

    @classmethod
    def choose(cls, weights: DoubleArray) -> BitWeights:
        """Round with as few planes as leave few rows undecided; one is enough for weights that are equal."""
        length = float(np.sqrt((weights**2).sum()))
        for n_planes, allowed in ALLOWED_ERRORS.items():
            rounded = cls.round(weights, n_planes)
            if rounded.below <= allowed * length:
                break
        return rounded


STEP_FRACTIONS = np.linspace(1.0, 0.4, 13)  # of the step that reaches the largest weight
ALLOWED_ERRORS = {1: 1e-3, 2: 0.4, 3: 0.6, 4: np.inf}  # of ‖weights‖; measured to be fastest for 100 to 384 bits


def weighted_costs(
    planes: Planes, query: UInt64Array, weights: BitWeights, n_rows: int
) -> Iterator[tuple[int, NDArray[np.unsignedinteger]]]:
    """Yield first rank and rounded weighted distances of blocks of rows: in steps, valid until the next.

    The distance is the sum of the weights of the bits in which a row differs from ``query``.
    """
    sums = [BitSum(int(np.bitwise_count(mask).sum())) for mask in weights.masks]
    masks = [_partial_masks(mask, planes.n_bits) for mask in weights.masks]
    wide = planes.n_bits << len(masks) > np.iinfo(np.uint16).max
    total: NDArray[np.unsignedinteger] = np.empty(SCAN_ROWS, dtype=np.uint32 if wide else np.uint16)
    different = np.empty(SCAN_ROWS, dtype=np.uint64)
    masked = np.empty(SCAN_ROWS, dtype=np.uint64)
    steps = list(zip(_one_by_one(query), *masks, strict=True))  # a lane of the query, and of each mask
    for first, block in planes.blocks(n_rows):
        size = block.shape[1]
        out, kept = different[:size], masked[:size]
        for plane in sums:
            plane.start(size)
        for lanes, (one, *own) in zip(block, steps, strict=True):
            np.bitwise_xor(lanes, one, out)
            for plane, mask in zip(sums, own, strict=True):
                plane.add(out if mask is None else np.bitwise_and(out, mask, kept))
        costs = sums[0].total(size)
        if len(sums) > 1:
            np.copyto(total[:size], costs)
            costs = total[:size]
        for plane in sums[1:]:
            np.left_shift(costs, 1, costs)
            np.add(costs, plane.total(size), costs)
        yield first, costs


def _partial_masks(mask: UInt64Array, n_bits: int) -> list[UInt64Array | None]:
    """UInt64Array of a mask as :func:`_one_by_one` gives them, ``None`` for those that leave out no bit of a code."""
    whole = as_lanes(np.packbits(np.ones(n_bits, dtype=np.uint8))[None, :])[0]
    return [None if mask[lane] == whole[lane] else one for lane, one in enumerate(_one_by_one(mask))]
