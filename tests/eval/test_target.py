from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from embcomp.errors import ParameterError
from embcomp.eval.suite import Settings
from embcomp.eval.target import look_up
from embcomp.text.words import find_rows

from .conftest import toy


@pytest.fixture
def small():
    return toy("ice cream Paris paris X", [[1, 0], [0, 1], [5, 5], [2, 2], [0, 0]])


def test_a_word_is_taken_as_it_is_and_only_then_in_lower_case(small):
    assert_array_equal(find_rows(small, ["Paris", "PARIS", "Ice", "x", "rome"]), [2, 3, 0, -1, -1])


def test_a_term_is_the_mean_of_its_known_words(small):
    found = look_up(small, ["ice cream", "Ice rome", "rome oslo"], "skip", average=True)
    assert_allclose(found.vectors, [[0.5, 0.5], [1, 0], [0, 0]])
    assert_array_equal(found.known, [True, True, False])
    assert found.n_oov == 1


def test_a_whole_term_comes_before_its_words():
    cold = toy("ice cream", [[1, 0], [0, 1]])
    cold.words = ["ice", "ice cream"]
    assert_allclose(look_up(cold, ["ice cream"], "mean", average=True).vectors, [[0, 1]])


def test_without_averaging_a_term_of_unknown_spelling_is_missing(small):
    found = look_up(small, ["ice cream", "ice"], "mean", average=False)
    assert_array_equal(found.known, [False, True])
    assert_allclose(found.vectors, [[1.6, 1.6], [1, 0]])


def test_missing_terms_are_counted_once_and_take_the_mean(small):
    found = look_up(small, ["rome", "ice", "rome"], "mean", average=True)
    assert found.n_oov == 1
    assert_allclose(found.vectors, [[1.6, 1.6], [1, 0], [1.6, 1.6]])
    assert found.vectors.dtype == np.float32


def test_each_distinct_row_is_decoded_once(small):
    calls = []

    class Watching:
        dim = 2
        rows = staticmethod(small.rows)
        mean_vector = staticmethod(small.mean_vector)

        def __len__(self):
            return len(small)

        def decode_rows(self, rows):
            calls.append(rows.tolist())
            return small.decode_rows(rows)

    look_up(Watching(), ["ice", "cream", "ice cream", "ICE"], "skip", average=True)
    assert calls == [[0, 1]]


def test_no_terms(small):
    found = look_up(small, [], "mean", average=True)
    assert found.vectors.shape == (0, 2)
    assert found.n_oov == 0


def test_policies():
    assert Settings(oov="skip").oov == "skip"
    with pytest.raises(ParameterError) as caught:
        Settings(oov="zero")
    assert str(caught.value) == "`oov` must be 'mean' or 'skip', got 'zero'"
