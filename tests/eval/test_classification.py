from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from embcomp.embedding import Embedding
from embcomp.errors import InputError
from embcomp.eval import classification
from embcomp.eval.suite import DataSet, Settings

from .conftest import toy

needs_scikit_learn = pytest.mark.skipif(bool(classification.SUITE.missing()), reason="scikit-learn is not installed")


@pytest.fixture(scope="module")
def opinions():
    """Texts of five words, of which more are good than bad in the good ones; vectors tell good from bad a little."""
    rng = np.random.default_rng(0)
    words = [f"{kind}{i}" for kind in ("good", "bad") for i in range(40)]
    vectors = rng.normal(size=(80, 10))
    vectors[:40, 0] += 1.5
    rows = []
    for label in ["1"] * 90 + ["0"] * 60:
        odds = 0.7 if label == "1" else 0.3
        chosen = [f"{'good' if rng.random() < odds else 'bad'}{rng.integers(40)}" for _ in range(5)]
        rows.append((label, " ".join([*chosen, "unheard-of"])))
    return Embedding(words, vectors.astype(np.float32)), DataSet("classification", "opinions", rows)


def measured(embedding, data, seed=0):
    return classification.measure(embedding, data, Settings(seed=seed))["accuracy"]


@needs_scikit_learn
def test_five_fold_accuracy(opinions):
    embedding, data = opinions
    found = measured(embedding, data, seed=0)
    assert 0.6 < found.value < 0.95
    assert (found.n_used, found.n_skipped, found.oov) == (150, 0, 1)
    assert found.resamples.std() == pytest.approx(np.sqrt(found.value * (1 - found.value) / 150), rel=0.1)
    assert measured(embedding, data, seed=0).value == found.value


@needs_scikit_learn
def test_as_written_out_plainly(opinions):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    embedding, data = opinions
    index = dict(zip(embedding.words, embedding.vectors, strict=True))
    zeros = np.zeros(10, dtype=np.float32)
    x = np.array([np.mean([index.get(w, zeros) for w in text.split()], axis=0) for _, text in data.rows])
    y = np.array([int(label) for label, _ in data.rows])
    network = MLPClassifier((50,), batch_size=64, max_iter=10, random_state=3)
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    with pytest.warns(ConvergenceWarning):
        accuracies = cross_val_score(make_pipeline(StandardScaler(), network), x, y, cv=folds)
    assert_allclose(measured(embedding, data, seed=3).value, accuracies.mean(), atol=0.02)


@needs_scikit_learn
def test_the_scale_of_the_vectors_does_not_count(opinions):
    embedding, data = opinions
    scaled = Embedding(embedding.words, embedding.vectors * 1024)
    one, two = (measured(e, data, seed=0).value for e in (embedding, scaled))
    assert_allclose(one, two, atol=0.01)


@needs_scikit_learn
@pytest.mark.parametrize(
    ("rows", "counts"), [([("1", "a")] * 9, "[9]"), ([("1", "a")] * 9 + [("0", "b")] * 4, "[4, 9]")]
)
def test_too_few_texts(rows, counts):
    with pytest.raises(InputError) as caught:
        measured(toy("a", [[1]]), DataSet("classification", "few", rows), seed=0)
    assert str(caught.value) == f"few: must have two labels or more with 5 texts each, got {counts}"


def test_scikit_learn_and_scipy_are_imported_only_when_needed():
    code = (
        "import sys, embcomp.eval.suite, embcomp.eval.report; embcomp.eval.suite.all_suites();"
        "print([name for name in ('sklearn', 'scipy.cluster', 'gensim') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
