"""Train small embeddings of several kinds from plain text: inputs for ``remove_top.py`` beside GloVe.

    python benchmarks/train_small.py TEXT… --out FOLDER

One sentence a line, tokens apart by white space, ``.gz`` allowed. Each embedding becomes ``NAME.npy`` (float32, in
order of frequency) and ``NAME.words.txt``. One worker and fixed seeds: the same text gives the same files.

w2v_sg100        word2vec, skip-gram, 100 dimensions
w2v_cbow200      word2vec, CBOW, 200
ft_sg300         fastText, skip-gram, 300
ppmi_svd200      positive PMI, truncated SVD, singular values to the power ½ [Levy 2015, §3.3], 200
ppmi_svd100_p1   the same to the power 1, 100: a steeper spectrum
logcount_svd200  log(1 + count), truncated SVD, power ½, 200: one direction dominates
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import FastText, Word2Vec
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

SEED = 1
WINDOW = 5
MIN_COUNT = 3
UNKNOWN = "<unk>"
CONTEXT_SMOOTHING = 0.75  # [Levy 2015, §3.2]

Sentences = list[list[str]]
Trained = tuple[list[str], NDArray[np.float32]]


def read_sentences(paths: list[Path]) -> Sentences:
    """Lower-cased tokens of all lines, without unknown words; lines of fewer than three are left out."""
    sentences = []
    for path in paths:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            for line in file:
                tokens = [token for token in line.lower().split() if token != UNKNOWN]
                if len(tokens) > 2:
                    sentences.append(tokens)
    return sentences


def word2vec(sentences: Sentences, **options: Any) -> Trained:
    model = Word2Vec(sentences, window=WINDOW, negative=5, min_count=MIN_COUNT, workers=1, seed=SEED, **options)
    return model.wv.index_to_key, model.wv.vectors


def fasttext(sentences: Sentences, **options: Any) -> Trained:
    model = FastText(sentences, window=WINDOW, negative=5, min_count=MIN_COUNT, workers=1, seed=SEED, **options)
    return model.wv.index_to_key, model.wv.vectors


def count_svd(sentences: Sentences, weigh: Callable[[Any], Any], dim: int, power: float) -> Trained:
    """U · Σ^power of a weighted matrix of co-occurrence counts."""
    words, counts = cooccurrences(sentences)
    left, values, _ = svds(weigh(counts), k=dim, random_state=0)
    order = np.argsort(-values)
    return words, (left[:, order] * values[order] ** power).astype(np.float32)


def cooccurrences(sentences: Sentences) -> tuple[list[str], Any]:
    """Words by frequency, and how often two are within the window of each other, weighted by 1 / distance."""
    frequency = Counter(token for sentence in sentences for token in sentence)
    words = [word for word, count in frequency.most_common() if count >= MIN_COUNT]
    number = {word: row for row, word in enumerate(words)}
    gap = [-1] * WINDOW  # no pair reaches over the end of a sentence
    tokens = np.array([row for sentence in sentences for row in [*(number.get(t, -1) for t in sentence), *gap]])
    shape = (len(words), len(words))
    counts = sparse.csr_matrix(shape, dtype=np.float32)
    for distance in range(1, WINDOW + 1):
        before, after = tokens[:-distance], tokens[distance:]
        both = (before >= 0) & (after >= 0)
        weights = np.full(np.count_nonzero(both), 1 / distance, dtype=np.float32)
        pairs = sparse.csr_matrix((weights, (before[both], after[both])), shape=shape)
        counts = counts + pairs + pairs.T
    return words, counts


def positive_pmi(counts: Any) -> Any:
    """max(0, log P(w, c) / (P(w) P(c)^0.75)), sparse."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** CONTEXT_SMOOTHING
    contexts = contexts / contexts.sum()
    cells = counts.tocoo()
    pmi = np.log(cells.data / (totals[cells.row] * contexts[cells.col]))
    positive = pmi > 0
    return sparse.csr_matrix((pmi[positive], (cells.row[positive], cells.col[positive])), shape=counts.shape)


def log_counts(counts: Any) -> Any:
    return counts.log1p()


KINDS: dict[str, Callable[[Sentences], Trained]] = {
    "w2v_sg100": lambda text: word2vec(text, vector_size=100, sg=1, epochs=8),
    "w2v_cbow200": lambda text: word2vec(text, vector_size=200, sg=0, epochs=15),
    "ft_sg300": lambda text: fasttext(text, vector_size=300, sg=1, epochs=3, bucket=100_000),
    "ppmi_svd200": lambda text: count_svd(text, positive_pmi, 200, 0.5),
    "ppmi_svd100_p1": lambda text: count_svd(text, positive_pmi, 100, 1.0),
    "logcount_svd200": lambda text: count_svd(text, log_counts, 200, 0.5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("texts", type=Path, nargs="+", metavar="TEXT")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="NAME")
    arguments = parser.parse_args()
    sentences = read_sentences(arguments.texts)
    print(f"{len(sentences)} sentences, {sum(map(len, sentences))} tokens")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.kinds:
        start = time.perf_counter()
        words, vectors = KINDS[name](sentences)
        np.save(arguments.out / f"{name}.npy", np.asarray(vectors, dtype=np.float32))
        (arguments.out / f"{name}.words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        print(f"{name}: {len(words)} × {vectors.shape[1]}, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
