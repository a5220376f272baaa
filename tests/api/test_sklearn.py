"""Texts in pipelines of scikit-learn."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.errors import InputError

pytest.importorskip("sklearn", reason="scikit-learn is not installed")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    words = [*(f"good{number}" for number in range(20)), *(f"bad{number}" for number in range(20))]
    vectors = rng.standard_normal((40, 8)) + np.repeat([[2.0], [-2.0]], 20, axis=0)
    embcomp.compress(words, vectors, "sign", threshold="zero").save(tmp_path / "v.embc")
    return tmp_path / "v.embc"


def test_in_a_pipeline(path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from embcomp.sklearn import TextVectorizer

    texts = [f"good{number} good{number + 1}" for number in range(15)] + [f"bad{number}" for number in range(15)]
    pipeline = make_pipeline(TextVectorizer(path), LogisticRegression())
    pipeline.fit(texts, [1] * 15 + [0] * 15)
    assert pipeline.predict(["good18 good19", "bad17 bad18"]).tolist() == [1, 0]
    again = pickle.loads(pickle.dumps(pipeline))
    assert again.predict(["good18 good19", "bad17 bad18"]).tolist() == [1, 0]


def test_it_gives_what_the_file_gives(path: Path) -> None:
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    from embcomp.sklearn import TextVectorizer

    vectorizer = TextVectorizer(path, weighting="sif", normalize=True)
    assert clone(vectorizer).get_params() == {"path": path, "weighting": "sif", "normalize": True}
    with pytest.raises(NotFittedError):
        vectorizer.transform(["good1"])
    texts = np.array(["good1 bad2", "bad1"])
    expected = embcomp.open(path).encode(list(texts), weighting="sif", normalize=True)
    assert np.array_equal(vectorizer.fit_transform(texts), expected)
    assert vectorizer.get_feature_names_out().tolist() == [f"dim{number}" for number in range(8)]
    with pytest.raises(InputError, match=r"cannot be read: No such file"):
        TextVectorizer(path.with_name("absent")).fit()
