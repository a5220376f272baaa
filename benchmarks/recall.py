"""Recall@10 of searching codes, against the exact neighbours in the uncompressed file.

    python benchmarks/recall.py MATRIX.npy WORDS.txt          the table of docs/searching.md, in about ten minutes

*word*: the query is the compressed word; *source*: the uncompressed vector, aligned.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.search import SearchIndex

K = 10
N_QUERIES = 200
AMONG = 50_000
METHODS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sign", {}),
    ("itq", {"bits": 100}),
    ("iiq", {"bits": 64}),
    ("iiq", {"bits": 100}),
    ("itq", {"bits": 256}),
    ("iiq", {"bits": 256}),
)


def exact_neighbours(matrix: NDArray[np.float32], queries: NDArray[np.int64]) -> list[set[int]]:
    """The K nearest rows of each query by cosine, without itself."""
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-30)
    found = []
    for query in queries:
        cosines = unit @ unit[query]
        cosines[query] = -np.inf
        found.append(set(np.argpartition(-cosines, K)[:K].tolist()))
    return found


def recall(exact: list[set[int]], queries: NDArray[np.int64], ranks: NDArray[np.int64]) -> float:
    """Share of the exact neighbours among the first K found that are not the query."""
    hits = 0
    for nearest, query, row in zip(exact, queries.tolist(), ranks.tolist(), strict=True):
        hits += len(nearest & set([rank for rank in row if rank != query][:K]))
    return hits / (K * len(queries))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("matrix", type=Path)
    parser.add_argument("words", type=Path)
    given = parser.parse_args()
    matrix = np.load(given.matrix).astype(np.float32)
    embedding = Embedding(given.words.read_text(encoding="utf-8").split("\n")[: len(matrix)], matrix)
    queries = np.sort(np.random.default_rng(1).choice(min(AMONG, len(matrix)), N_QUERIES, replace=False))
    exact = exact_neighbours(matrix, queries)
    print(
        "| method | bits | word: hamming | asymmetric | decoded | source: hamming | asymmetric | decoded | rescored |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for method, config in METHODS:
        encoded = EncodedEmbedding.encode(embedding, make_compressor(method, **config))
        index = SearchIndex(encoded)
        words, sources = encoded.decode_rows(queries), encoded.compressor.align(matrix[queries])
        found = [index.search_codes(encoded.codes_at(queries), K + 1)]
        found += [index.search(words, K + 1, similarity=name) for name in ("asymmetric", "decoded")]
        found += [index.search(sources, K + 1, similarity=name) for name in ("hamming", "asymmetric", "decoded")]
        found.append(index.search(sources, K + 1, similarity="hamming", rescore=100))
        values = " | ".join(f"{recall(exact, queries, each.ranks):.2f}" for each in found)
        print(f"| `{method}` | {encoded.compressor.layout.row_bits} | {values} |", flush=True)


if __name__ == "__main__":
    main()
