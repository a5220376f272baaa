"""Classifiers of texts over compressed word vectors: the part of ``models.py`` that is about [Liao 2020, §5.4].

A set is cut into ten parts by a seed: eight to train on, one to choose the epoch by, one to measure. Texts are in
lower case already; the vocabulary of a set is the words that the vectors have.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from embcomp.compressors.registry import make_compressor
from embcomp.formats import ReadOptions, read_embedding
from embcomp.torch import BinaryEmbedding, KDEmbedding
from embcomp.torch.classifier import TextClassifier, text_rows

SETS = ("MR", "CR", "SUBJ", "MPQA")
TABLES = {
    "float-fixed": "float, fixed",
    "iiq-fixed": "IIQ, a bit a dimension, fixed",
    "float-trained": "float, trained",
    "binary-trained": "binary, trained",
    "kd-relearnt": "KD 64 × 16, codebooks trained",
}
EPOCHS = 5
Part = tuple[Tensor, Tensor]


def measured(data: Path, vectors: Path, name: str, table: str, seed: int) -> dict[str, Any]:
    """Accuracy on the tenth part of the epoch that was best on the ninth."""
    words, matrix = words_of(data, vectors, name)
    parts = parts_of(data / "classification" / f"{name}.tsv", words, seed)
    torch.manual_seed(seed)
    model = TextClassifier(embedding(table, matrix))
    scores: list[tuple[float, float]] = []
    start = time.process_time()

    def judge(stage: str, done: int, total: int, note: str = "", /) -> None:
        scores.append((model.accuracy(*parts[1]), model.accuracy(*parts[2])))

    model.fit(*parts[0], epochs=EPOCHS, random_state=seed, progress=judge)
    valid, test = max(scores, key=lambda each: each[0])
    facts = {"valid": valid, "test": test, "epochs": scores, "words": len(words)}
    facts["cpu_seconds"] = time.process_time() - start
    return facts | ({"bytes": packed(model, list(words))} if table == "binary-trained" else {})


def packed(model: TextClassifier, words: list[str]) -> dict[str, int]:
    """Sizes of the two files of a classifier."""
    rest = {name: each for name, each in model.state_dict().items() if not name.startswith("embedding.")}
    with TemporaryDirectory() as folder:
        path = Path(folder, "words.embc")
        model.embedding.freeze().to_embc(path, words)
        return {"table": path.stat().st_size, "network": len(safetensors.torch.save(rest))}


def words_of(data: Path, vectors: Path, name: str) -> tuple[dict[str, int], np.ndarray]:
    """The words of a set that have vectors, and those."""
    wanted = {word for _, text in texts_of(data / "classification" / f"{name}.tsv") for word in text.split()}
    every, matrix = all_words(data, vectors)
    kept = [row for row, word in enumerate(every) if word in wanted]
    return {every[row]: number for number, row in enumerate(kept)}, matrix[kept]


@cache
def all_words(data: Path, vectors: Path) -> tuple[list[str], np.ndarray]:
    """The same of all sets: vectors are read once."""
    texts = [text for name in SETS for _, text in texts_of(data / "classification" / f"{name}.tsv")]
    found = read_embedding(vectors, ReadOptions(words=frozenset(word for text in texts for word in text.split())))
    return list(found.words), found.vectors


def texts_of(path: Path) -> list[tuple[int, str]]:
    rows = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").split("\n") if line)
    return [(int(label), text) for label, text in rows]


def parts_of(path: Path, words: dict[str, int], seed: int) -> tuple[Part, Part, Part]:
    """Eight tenths of the texts, one, and one: rows of words and labels."""
    texts = texts_of(path)
    order = np.random.default_rng(seed).permutation(len(texts))
    ends = (len(texts) * 8 // 10, len(texts) * 9 // 10)

    def part(chosen: np.ndarray) -> Part:
        return (
            text_rows([texts[each][1] for each in chosen], words),
            torch.tensor([texts[each][0] for each in chosen]),
        )

    first, second, third = np.split(order, ends)
    return part(first), part(second), part(third)


def embedding(table: str, matrix: np.ndarray) -> nn.Module:
    if table == "float-fixed":
        return nn.Embedding.from_pretrained(torch.from_numpy(matrix))
    if table == "float-trained":
        return nn.Embedding.from_pretrained(torch.from_numpy(matrix), freeze=False)
    if table == "iiq-fixed":
        iiq = make_compressor("iiq")
        decoded = iiq.decode(iiq.fit_encode(matrix))
        offset = 0 if iiq.offset is None else iiq.offset
        return nn.Embedding.from_pretrained(torch.from_numpy(decoded + offset))
    return binary(matrix) if table == "binary-trained" else relearnt(matrix)


def binary(matrix: np.ndarray) -> BinaryEmbedding:
    """Signs that start as those of ITQ, and a linear layer that starts as its decoder."""
    itq = make_compressor("itq", lengths=0, unit_rows=False).fit(matrix)
    state = itq.get_state()
    projected = (matrix - state["mean"]) @ state["rotation"]
    layer = BinaryEmbedding(*matrix.shape)
    scale = float(layer.matrix.scale)
    layer.matrix.weight.data = torch.from_numpy(projected / projected.std() * scale).float()
    layer.after.weight.data = torch.from_numpy(state["rotation"] * (np.abs(projected).mean() / scale)).float()
    layer.after.bias.data = torch.from_numpy(state["mean"].copy())
    return layer


def relearnt(matrix: np.ndarray) -> KDEmbedding:
    """The codes of ``kd``, 64 × 16, and codebooks that start as its own."""
    kd = make_compressor("kd", ways=64, dims=16)
    codes = kd.fit_encode(matrix)
    layer = KDEmbedding(len(matrix), matrix.shape[1], ways=64, dims=16, codes=kd.symbols(codes).astype(np.int64))
    layer.codebooks.data = torch.from_numpy(np.array(kd.codewords))
    return layer
