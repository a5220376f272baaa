"""Classification of texts by the mean of their words' vectors [iiq.txt §5.3, Table 4].

A text's vector is the mean over its words (split at white space), a missing word counting as zeros, whatever the
policy of the other suites. A multi-layer perceptron is trained for ten epochs and judged by accuracy in five-fold
cross-validation: every text is predicted once, by a network that has not seen it.

What the paper leaves open is settled so: folds are stratified and shuffled; one hidden layer of 50 units, Adam,
batches of 64; inputs are scaled to mean 0 and variance 1 over the training texts, so that a method's scale does not
count. The network is scikit-learn's, which is installed by the extra ``eval``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.errors import InputError, ParameterError
from embcomp.eval.datasets import ClassificationSet
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import bootstrap_mean
from embcomp.eval.target import Target, find_rows
from embcomp.progress import Progress, no_progress

METRICS = ("accuracy",)

N_FOLDS = 5  # §5.3
N_EPOCHS = 10  # §5.3, for GloVe
HIDDEN_UNITS = 50
BATCH_TEXTS = 64

HOW_TO_INSTALL = "suite 'classification' needs scikit-learn: pip install 'embcomp[eval]'"


def is_available() -> bool:
    """Whether scikit-learn is installed."""
    return find_spec("sklearn") is not None


def measure_classification(
    target: Target, data: ClassificationSet, seed: int, progress: Progress = no_progress
) -> Measurement:
    """Accuracy over all texts, each predicted by the network of the fold that left it out.

    Raises:
        ParameterError: scikit-learn is not installed.
        InputError: there are fewer than two labels, or fewer texts of one than folds.
    """
    if not is_available():
        raise ParameterError(HOW_TO_INSTALL)
    labels = np.unique([label for label, _ in data.rows], return_inverse=True)[1]
    counts = np.bincount(labels)
    if len(counts) < 2 or counts.min() < N_FOLDS:
        raise InputError(
            f"{data.name}: must have two labels or more with {N_FOLDS} texts each, got {counts.tolist()}"
        )
    vectors, n_oov = text_vectors(target, [text for _, text in data.rows])
    hits = _cross_validate(vectors, labels, seed, progress, data.name)
    return Measurement(float(hits.mean()), len(hits), 0, n_oov, bootstrap_mean(hits, seed))


def text_vectors(target: Target, texts: Sequence[str]) -> tuple[FloatArray, int]:
    """Mean vector of each text, float32, shape (n, dim), zeros for empty ones; and the number of missing words."""
    from scipy.sparse import csr_array

    split = [text.split() for text in texts]
    distinct = list(dict.fromkeys(word for words in split for word in words))
    rows = find_rows(target, distinct)
    known = np.flatnonzero(rows >= 0)
    column = np.full(len(distinct), -1, dtype=np.int64)
    column[known] = np.arange(len(known))
    index = {word: column[i] for i, word in enumerate(distinct)}
    places = np.array([index[word] for words in split for word in words], dtype=np.int64)
    lengths = np.array([len(words) for words in split], dtype=np.int64)
    owners = np.repeat(np.arange(len(texts)), lengths)
    weights = np.repeat(1 / np.maximum(lengths, 1), lengths)
    kept = places >= 0
    shape = (len(texts), len(known))
    means = csr_array((weights[kept], (owners[kept], places[kept])), shape=shape) @ target.decode_rows(rows[known])
    return np.asarray(means, dtype=np.float32).reshape(len(texts), target.dim), len(distinct) - len(known)


def _cross_validate(
    vectors: FloatArray, labels: NDArray[np.int64], seed: int, progress: Progress, name: str
) -> DoubleArray:
    """1 where a text's label was predicted, else 0, float64, shape (n,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold

    hits = np.zeros(len(labels))
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(vectors, labels)
    for number, (train, test) in enumerate(folds):
        progress(f"classification {name}", number, N_FOLDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are the protocol
            model = _network(seed).fit(vectors[train], labels[train])
        hits[test] = model.predict(vectors[test]) == labels[test]
    return hits


def _network(seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier(
        (HIDDEN_UNITS,), batch_size=BATCH_TEXTS, max_iter=N_EPOCHS, random_state=seed, shuffle=True
    )
    return make_pipeline(StandardScaler(), network)
