"""Classification of texts by the mean of their words' vectors [Liao 2020, §5.3, Table 4].

A text's vector is the mean over its words (split at white space), a missing word counting as zeros, whatever the
policy of the other suites. A multi-layer perceptron is trained for ten epochs and judged by accuracy in five-fold
cross-validation: every text is predicted once, by a network that has not seen it.

Where the paper leaves details open: folds are stratified and shuffled; one hidden layer of 50 units, Adam,
batches of 64; inputs are scaled to mean 0 and variance 1 over the training texts, so that a method's scale does not
count. The network is scikit-learn's, which is installed by the extra ``eval``.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray
from embcomp.errors import InputError
from embcomp.eval import layouts
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import bootstrap_mean
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target
from embcomp.text.words import split_at_spaces, text_vectors

N_FOLDS = 5  # §5.3
N_EPOCHS = 10  # §5.3, for GloVe
HIDDEN_UNITS = 50
BATCH_TEXTS = 64


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Accuracy over all texts, each predicted by the network of the fold that left it out.

    Raises:
        InputError: there are fewer than two labels, or fewer texts of one than folds.
    """
    labels = np.unique([label for label, _ in data.rows], return_inverse=True)[1]
    counts = np.bincount(labels)
    if len(counts) < 2 or counts.min() < N_FOLDS:
        raise InputError(
            f"{data.name}: must have two labels or more with {N_FOLDS} texts each, got {counts.tolist()}"
        )
    texts, n_oov = split_at_spaces(target, [text for _, text in data.rows])
    hits = _cross_validate(text_vectors(target, texts), labels, data.name, settings)
    return {
        "accuracy": Measurement(
            float(hits.mean()), len(hits), 0, n_oov, bootstrap_mean(hits, settings.seed, settings.n_resamples)
        )
    }


def _cross_validate(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], name: str, settings: Settings
) -> DoubleArray:
    """1 where a text's label was predicted, else 0, float64, shape (n,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold

    hits = np.zeros(len(labels))
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=settings.seed).split(vectors, labels)
    for number, (train, test) in enumerate(folds):
        settings.progress(f"classification {name}", number, N_FOLDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are the protocol
            model = _network(settings.seed).fit(vectors[train], labels[train])
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


SUITE = Suite(
    "classification",
    "accuracy of a small network that tells the labels of texts",
    ("accuracy",),
    measure,
    layouts.parse_texts,
    folders=("classification",),
    missing=lambda: "" if find_spec("sklearn") else "scikit-learn: pip install '.[eval]'",
)
