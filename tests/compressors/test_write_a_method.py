"""The method that the documentation writes works as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embcomp
from embcomp.checks import Integer, option
from embcomp.compressors.base import Compressor
from embcomp.errors import CorruptError, ParameterError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-method.md"


@pytest.fixture(scope="module")
def kind() -> type[Compressor]:
    (code,) = re.findall(r"```python\n(import numpy.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    found: type[Compressor] = names["QuantileCompressor"]
    return found


def test_it_compresses_and_comes_back(kind: type[Compressor]) -> None:
    words, vectors = list("abcdef"), np.arange(12, dtype=np.float32).reshape(6, 2)
    compressed = embcomp.compress(words, vectors, kind(share=0.4))
    assert compressed["a"].tolist() == [1, 2]  # thresholds (4, 5), distances (3, 3)
    assert compressed["f"].tolist() == [7, 8]


def test_its_options_are_checked(kind: type[Compressor]) -> None:
    with pytest.raises(ParameterError) as caught:
        kind(share=2.0).fit(np.zeros((2, 2), np.float32))
    assert str(caught.value) == "quantile: `share` must be a number between 0 and 1, got 2.0"
    assert repr(kind(share=0.4)) == "QuantileCompressor(share=0.4)"
    assert kind(fit_rows=7).head_rows == 7


def test_its_state_is_checked(kind: type[Compressor]) -> None:
    one = np.zeros(1, np.float32)
    with pytest.raises(CorruptError) as caught:
        kind().set_state({"thresholds": one, "distances": np.zeros(2, np.float32)})
    assert str(caught.value) == "state 'distances' must be <f4 of shape (1,), got <f4 of (2,)"


def test_a_method_that_sets_something_else_than_it_declares_is_found_at_fit(kind: type[Compressor]) -> None:
    class Wrong(kind):  # type: ignore[misc, valid-type]
        def _fit(self, rows: Any, progress: Any) -> None:
            super()._fit(rows, progress)
            self.distances_ = self.distances_.astype(np.float64)

    wrong = Wrong()
    with pytest.raises(CorruptError, match=r"^state 'distances' must be <f4 of shape"):
        wrong.fit(np.ones((3, 2), np.float32))


def test_options_are_inherited_in_order_and_lists_of_them_refused(kind: type[Compressor]) -> None:
    class More(kind):  # type: ignore[misc, valid-type]
        rounds: int = option(Integer(1), "how often", default=3)

    assert More().get_config() == {"share": 0.5, "fit_rows": 50_000, "rounds": 3}
    with pytest.raises(TypeError, match="options are declared as attributes, one by one"):
        type("Listed", (kind,), {"options": ()})
