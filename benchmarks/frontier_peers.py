"""Peers of the frontier: quantizers of faiss, and the control, a file with the frequent words only.

Each peer sees what the methods of embcomp see at most: *isotropic* rows, less the mean of the first 50,000 and their
dominant directions and scaled to length 1, which is what it is best on; or the rows as they are. It learns from the
first 50,000 rows. Its file would have the words and their order in the bytes that an ``.embc`` file takes, the codes
without gaps, and what it learned: two bytes a number, although faiss writes four. Factors that only scale a row are
not counted, since cosines do not see them. A file may be 1 % larger than that of `transform`, or as large as that of
`additive`; of codes that take at least 85 % of this, each has those of the widest symbols. LSQ, whose fit is slow,
learns from 20,000 of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.compressors.dominant import dominant_directions
from embcomp.embedding import Embedding, mean_rows
from embcomp.eval.statistics import unit_rows
from embcomp.linear import covariance, principal_directions
from embcomp.vocabulary import Vocabulary

HEAD = 50_000
LSQ_ROWS = 20_000
NUMBER_BYTES = 2
SLACK = 1.01
HEADER_BYTES = 4096

Shape = dict[str, int]
"""What a peer can vary: numbers of codebooks, of bits of a symbol, of dimensions."""


class Decoded(Embedding):
    """Vectors that a peer decodes, in the space that it was fitted in."""

    space: Space

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source to that space."""
        return self.space.of(vectors)


class Space:
    """Isotropic rows of a source, or the rows as they are."""

    def __init__(self, source: Embedding, *, isotropic: bool) -> None:
        head = source.vectors[:HEAD]
        self.source, self.isotropic = source, isotropic
        self.mean = mean_rows(head)
        values, directions = principal_directions(covariance(head, self.mean))
        self.directions: FloatArray = directions.astype(np.float32)
        self.removed = self.directions[:, : dominant_directions(values.astype(np.float32))]

    def of(self, vectors: FloatArray) -> FloatArray:
        """Return vectors of the source in this space."""
        if not self.isotropic:
            return vectors
        centred = vectors - self.mean
        return unit_rows(centred - centred @ self.removed @ self.removed.T).astype(np.float32)

    @cached_property
    def rows(self) -> FloatArray:
        """All rows of the source in this space."""
        return self.of(self.source.vectors)

    @property
    def n_numbers(self) -> int:
        """Numbers that this takes in a file."""
        return self.mean.size + self.removed.size if self.isotropic else 0


@dataclass(frozen=True)
class Peer:
    """A quantizer.

    Attributes:
        shapes: of its codes, all that are tried.
        bits: of a code with a shape.
        numbers: that it learns and needs to decode, with a shape.
        decode: fits to rows, encodes and decodes them: the rows, all of a space, and a seed.
    """

    shapes: Callable[[int], Iterator[Shape]]
    bits: Callable[[Shape, int], int]
    numbers: Callable[[Shape, int], int]
    decode: Callable[[Space, Shape, int], FloatArray]


def file_bytes(peer: Peer, space: Space, shape: Shape, vocabulary_bytes: int) -> int:
    """Bytes of the file that a peer would write."""
    n_rows, dim = space.source.vectors.shape
    numbers = peer.numbers(shape, dim) + space.n_numbers
    return HEADER_BYTES + vocabulary_bytes + -(-n_rows * peer.bits(shape, dim) // 8) + NUMBER_BYTES * numbers


def fitting_shape(peer: Peer, space: Space, room: int, vocabulary_bytes: int) -> Shape | None:
    """The shape of the largest file of at most ``room`` bytes; ``None`` if none is near."""
    sizes = [(file_bytes(peer, space, shape, vocabulary_bytes), shape) for shape in peer.shapes(space.rows.shape[1])]
    fits = [(size - vocabulary_bytes, shape) for size, shape in sizes if size <= room]
    best = max((size for size, _ in fits), default=0)
    near = [shape for size, shape in fits if size >= 0.85 * best]
    return (
        max(near, key=lambda shape: (shape.get("symbol_bits", 0), *shape.values()))
        if best > 0.6 * (room - vocabulary_bytes)
        else None
    )


def vocabulary_bytes(source: Embedding) -> int:
    """Bytes of words and their order in an ``.embc`` file."""
    return Vocabulary.build(source.words).stored_bytes


# Shapes


def _books(dim: int) -> Iterator[Shape]:
    return ({"books": m, "symbol_bits": b} for b in (8, 7, 6, 5, 4) for m in range(1, dim // 2 + 1))


def _book_bits(shape: Shape, dim: int) -> int:
    return shape["books"] * shape["symbol_bits"]


def _partial_books(shape: Shape, dim: int) -> int:
    return 2 ** shape["symbol_bits"] * dim


def _whole_books(shape: Shape, dim: int) -> int:
    return shape["books"] * 2 ** shape["symbol_bits"] * dim


# Quantizers


def _product(space: Space, shape: Shape, seed: int, *, rotated: bool) -> FloatArray:
    """PQ [Jégou 2011] and OPQ [Ge 2013]; columns of zeros make dimensions a multiple of the number of codebooks."""
    import faiss

    rows, books = space.rows, shape["books"]
    dim = -(-rows.shape[1] // books) * books
    rows = np.pad(rows, ((0, 0), (0, dim - rows.shape[1])))
    rotation = turn = None
    if rotated:
        rotation = faiss.OPQMatrix(dim, books)
        rotation.verbose = False
        if shape["symbol_bits"] != 8:
            rotation.pq = faiss.ProductQuantizer(dim, books, shape["symbol_bits"])
        turn = faiss.RandomRotationMatrix(dim, dim)  # OPQ has no seed: it starts from other coordinates
        turn.init(12345 + seed)
        rows = turn.apply(rows)
        rotation.train(rows[:HEAD])
        rows = rotation.apply(rows)
    quantizer = faiss.ProductQuantizer(dim, books, shape["symbol_bits"])
    quantizer.cp.seed = 1234 + seed
    quantizer.train(rows[:HEAD])
    decoded = quantizer.decode(quantizer.compute_codes(rows))
    decoded = decoded if rotation is None else turn.reverse_transform(rotation.reverse_transform(decoded))
    return np.ascontiguousarray(decoded[:, : space.rows.shape[1]])


def _additive(space: Space, shape: Shape, seed: int, *, kind: str) -> FloatArray:
    """RQ [Chen 2010] and LSQ [Martinez 2016]."""
    import faiss

    rows = space.rows
    quantizer = getattr(faiss, kind)(rows.shape[1], shape["books"], shape["symbol_bits"])
    if kind == "ResidualQuantizer":
        quantizer.cp.seed = 1234 + seed
    else:
        quantizer.random_seed = 0x12345 + seed
    learned = rows[:HEAD] if kind == "ResidualQuantizer" else rows[:: HEAD // LSQ_ROWS][:LSQ_ROWS]
    quantizer.train(np.ascontiguousarray(learned))
    blocks = np.array_split(np.arange(len(rows)), -(-len(rows) // 20_000))
    return np.concatenate([quantizer.decode(quantizer.compute_codes(rows[block])) for block in blocks])


def _itq(space: Space, shape: Shape, seed: int) -> FloatArray:
    """ITQ [Gong 2013]: faiss cannot decode its codes; signs stand for the vectors."""
    import faiss

    transform = faiss.ITQTransform(space.rows.shape[1], shape["bits"], True)
    transform.itq.seed = 123 + seed
    transform.max_train_per_dim = 10**6
    transform.train(space.rows[:HEAD])
    signs = np.where(transform.apply(space.rows) < 0, -1, 1)
    return signs.astype(np.float32)


def _rabitq(space: Space, shape: Shape, seed: int) -> FloatArray:
    """RaBitQ [Gao 2024; Gao 2025] of principal coordinates, as many as there are dimensions in the shape."""
    import faiss

    kept = space.directions[:, space.removed.shape[1] :] if space.isotropic else space.directions
    kept = np.concatenate([kept, space.removed], axis=1) if space.isotropic else kept
    basis = kept[:, : shape["dims"]]
    rows = space.rows @ basis
    turn = faiss.RandomRotationMatrix(shape["dims"], shape["dims"])
    turn.init(12345 + seed)
    rows = turn.apply(np.ascontiguousarray(rows))
    if shape["each_bits"] == 1:
        index = faiss.IndexRaBitQ(shape["dims"], faiss.METRIC_L2)
        index.train(rows[:HEAD])
        decoded = index.sa_decode(index.sa_encode(rows))
    else:
        blocks = np.array_split(rows - rows[:HEAD].mean(axis=0), -(-len(rows) // 20_000))
        decoded = np.concatenate([_nearest_on_grid(block, shape["each_bits"]) for block in blocks])
        decoded += rows[:HEAD].mean(axis=0)
    return np.ascontiguousarray(turn.reverse_transform(decoded) @ basis.T)


def _nearest_on_grid(rows: FloatArray, n_bits: int) -> FloatArray:
    """Codes of several bits a number [Gao 2025, §3]: the grid's vector at the least angle to each row, as long.

    faiss writes such codes, but decodes the first bit of a number only.
    """
    most = 2 ** (n_bits - 1) - 0.5
    largest = np.abs(rows).max(axis=1, keepdims=True)
    best, cosines = np.zeros_like(rows), np.full((len(rows), 1), -np.inf)
    for reach in np.geomspace(0.4, 1.1, 15):  # of the largest number, what the grid's outermost value stands for
        grid = np.clip(np.floor(rows * (most / (reach * largest))) + 0.5, -most, most)
        grid /= np.linalg.norm(grid, axis=1, keepdims=True)
        found = (grid * rows).sum(axis=1, keepdims=True)
        better = found > cosines
        best, cosines = np.where(better, grid, best), np.where(better, found, cosines)
    longer: FloatArray = best * np.linalg.norm(rows, axis=1, keepdims=True)
    return longer.astype(np.float32)


def _rabitq_shapes(dim: int) -> Iterator[Shape]:
    yield from ({"dims": dims, "each_bits": 1} for dims in range(8, dim + 1))
    yield from ({"dims": dim, "each_bits": bits} for bits in range(2, 9))


def _scalar(space: Space, shape: Shape, seed: int) -> FloatArray:
    """int8 and int4: a scale for each dimension."""
    import faiss

    kind = {8: faiss.ScalarQuantizer.QT_8bit, 4: faiss.ScalarQuantizer.QT_4bit}[shape["each_bits"]]
    quantizer = faiss.ScalarQuantizer(space.rows.shape[1], kind)
    quantizer.train(space.rows)
    return np.asarray(quantizer.decode(quantizer.compute_codes(space.rows)))


def _scalar_of(n_bits: int) -> Peer:
    return Peer(
        lambda dim: iter([{"each_bits": n_bits}]),
        lambda shape, dim: n_bits * dim,
        lambda shape, dim: 2 * dim,
        _scalar,
    )


def _bound(function: Callable[..., FloatArray], **fixed: Any) -> Callable[[Space, Shape, int], FloatArray]:
    return lambda space, shape, seed: function(space, shape, seed, **fixed)


PEERS = {
    "pq": Peer(_books, _book_bits, _partial_books, _bound(_product, rotated=False)),
    "opq": Peer(
        _books,
        _book_bits,
        lambda shape, dim: _partial_books(shape, dim) + dim * dim,
        _bound(_product, rotated=True),
    ),
    "rq": Peer(_books, _book_bits, _whole_books, _bound(_additive, kind="ResidualQuantizer")),
    "lsq": Peer(_books, _book_bits, _whole_books, _bound(_additive, kind="LocalSearchQuantizer")),
    "faiss-itq": Peer(
        lambda dim: ({"bits": bits} for bits in range(8, dim + 1)),
        lambda shape, dim: shape["bits"],
        lambda shape, dim: shape["bits"] * dim,
        _itq,
    ),
    "rabitq": Peer(
        _rabitq_shapes,
        lambda shape, dim: shape["dims"] * shape["each_bits"],
        lambda shape, dim: shape["dims"] * dim,
        _rabitq,
    ),
    "int8": _scalar_of(8),
    "int4": _scalar_of(4),
}


def decoded_by(peer: Peer, space: Space, shape: Shape, seed: int) -> Decoded:
    """The source as a peer gives it back."""
    vectors: NDArray[np.float32] = peer.decode(space, shape, seed).astype(np.float32, copy=False)
    found = Decoded(space.source.words, vectors, space.source.source)
    found.space = space
    return found
