from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.kernels.beam import Tables, extended


@given(
    st.integers(0, 9999),
    st.integers(0, 9),
    st.integers(1, 70),
    st.integers(1, 5),
    st.integers(0, 8),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([np.int32, np.int64]),
)
def test_the_cheapest_extensions(
    seed: int, n_rows: int, n_words: int, n_kept: int, n_books: int, width: int, shared: bool, dtype: Any
) -> None:
    """Few distinct costs, so that many are equal: prefix and word decide."""
    rng = np.random.default_rng(seed)
    own = rng.integers(-3, 6, (n_rows * (1 if shared else n_kept), n_words)).astype(dtype)
    numbers = rng.integers(-2, 3, (n_books if shared else 0, n_words, n_words)).astype(np.int16)
    shift = seed % 3
    codes = rng.integers(0, n_words, (n_rows, n_kept, n_books)).astype(np.uint16)
    costs = rng.integers(-9, 9, (n_rows, n_kept))
    best, best_costs = extended(own, Tables(numbers, shift), codes, costs, width)
    assert best.shape == (n_rows, min(width, n_kept * n_words), n_books + 1)
    for row in range(n_rows):
        everything = []
        for prefix, word in np.ndindex(n_kept, n_words):
            code = codes[row, prefix]
            added = sum(int(table[symbol, word]) for table, symbol in zip(numbers, code, strict=False)) << shift
            alone = own[row if shared else row * n_kept + prefix, word]
            everything.append((int(costs[row, prefix] + alone) + added, prefix, word))
        expected = sorted(everything)[:width]
        assert best_costs[row].tolist() == [cost for cost, _, _ in expected]
        assert best[row].tolist() == [[*codes[row, prefix].tolist(), word] for _, prefix, word in expected]


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    own, tables = np.zeros((2, 3), np.int32), np.zeros((1, 3, 3), np.int16)
    codes, costs = np.zeros((2, 2, 1), np.uint16), np.zeros((2, 2), np.int64)
    best, best_costs = np.zeros((2, 4, 2), np.uint16), np.zeros((2, 4), np.int64)
    good = (2, 2, 2, 3, 1, 1, 0, 4)
    kernels.native.beam(own, tables, codes, costs, best, best_costs, good)
    for place, wrong in enumerate((3, 4, 1, 4, 0, 2, 18, 7)):
        for size in (-1, wrong):
            sizes = (*good[:place], size, *good[place + 1 :])
            with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
                kernels.native.beam(own, tables, codes, costs, best, best_costs, sizes)
    codes[1, 1] = 3
    with pytest.raises(ValueError, match=r"^codes must be numbers of words$"):
        kernels.native.beam(own, tables, codes, costs, best, best_costs, good)
