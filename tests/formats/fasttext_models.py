"""fastText models, made field by field."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


def _some_rows() -> bytes:
    return dense(np.random.default_rng(0).standard_normal((13, 3)))


@dataclass
class Model:
    """The fields that a reader looks at, and what follows the dictionary as bytes."""

    version: int = 12
    dim: int = 3
    kind: int = 2
    n_buckets: int = 10
    shortest: int = 2
    longest: int = 4
    words: Sequence[bytes] = (b"the", "naïve".encode(), b"</s>")
    labels: Sequence[bytes] = ()
    counts: tuple[int, int, int] | None = None  # entries, words, labels
    n_pruned: int = -1
    pruned: Sequence[tuple[int, int]] = ()
    matrix: bytes = field(default_factory=_some_rows)

    def build(self) -> bytes:
        options = (self.dim, 5, 5, 1, 5, 1, 1, self.kind, self.n_buckets, self.shortest, self.longest, 100)
        head = b"\xba\x16\x4f\x2f" + struct.pack("<i12id", self.version, *options, 1e-4)
        counts = self.counts or (len(self.words) + len(self.labels), len(self.words), len(self.labels))
        dictionary = struct.pack("<3i2q", *counts, 100, self.n_pruned)
        for kind, entries in enumerate((self.words, self.labels)):
            dictionary += b"".join(word + b"\0" + struct.pack("<qb", 1, kind) for word in entries)
        dictionary += b"".join(struct.pack("<2i", *pair) for pair in self.pruned)
        return head + dictionary + self.matrix


def dense(matrix: np.ndarray) -> bytes:
    """A matrix of float32."""
    return b"\0" + struct.pack("<2q", *matrix.shape) + matrix.astype("<f4").tobytes()


def quantized(codes: np.ndarray, books: Sequence[np.ndarray], lengths: np.ndarray | None = None) -> bytes:
    """A matrix as codes, shape (rows, symbols), and codebooks, shape (256, columns); lengths as codes and a book."""
    dim = sum(book.shape[1] for book in books)
    data = b"\1" + struct.pack("<?2qi", lengths is not None, len(codes), dim, codes.size) + codes.tobytes()
    data += quantizer(books)
    if lengths is not None:
        data += codes[:, 0].tobytes() + quantizer([lengths.reshape(256, 1)])
    return data


def quantizer(books: Sequence[np.ndarray]) -> bytes:
    widths = [book.shape[1] for book in books]
    head = struct.pack("<4i", sum(widths), len(books), widths[0], widths[-1])
    return head + b"".join(book.astype("<f4").tobytes() for book in books)


def quantized_model(*, lengths: bool) -> Model:
    """Two symbols, of two columns and of one; subwords are pruned to four."""
    rng = np.random.default_rng(1)
    books = [rng.standard_normal((256, 2)), rng.standard_normal((256, 1))]
    codes = rng.integers(0, 256, (7, 2), dtype=np.uint8)
    matrix = quantized(codes, books, rng.standard_normal(256) if lengths else None)
    return Model(matrix=matrix, n_pruned=4, pruned=[(7, 1), (2, 0), (9, 3), (4, 2)])
