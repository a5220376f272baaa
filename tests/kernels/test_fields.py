from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import bits, kernels
from embcomp.kernels.fields import Sums


@given(st.integers(0, 9999), st.integers(0, 40), st.integers(0, 3), st.lists(st.integers(0, 12), max_size=9))
def test_sums_are_those_of_what_symbols_stand_for(seed: int, n_rows: int, n_books: int, widths: list[int]) -> None:
    """To the last bit: words, then the centre, then numbers in the order of the code, then a factor of all."""
    rng = np.random.default_rng(seed)
    dim, book_bits, factor_bits = len(widths) + 2, int(rng.integers(0, 9)), int(rng.integers(0, 3))
    words = rng.normal(size=(n_books, 2**book_bits, dim)).astype(np.float32)
    centre = rng.normal(size=dim).astype(np.float32)
    columns = rng.permutation(dim)[: len(widths)]
    numbers = [rng.normal(size=2**n_bits).astype(np.float32) for n_bits in widths]
    factors = rng.normal(size=2**factor_bits).astype(np.float32)
    all_bits = [*[book_bits] * n_books, *widths, factor_bits]
    symbols = [rng.integers(0, 2**n_bits, n_rows).astype(np.uint16) for n_bits in all_bits]

    slow = np.zeros((n_rows, dim), dtype=np.float32)
    for row in range(n_rows):
        for book in range(n_books):
            slow[row] += words[book, symbols[book][row]]
        slow[row] += centre
        for column, values, symbol in zip(columns, numbers, symbols[n_books:], strict=False):
            slow[row, column] += values[symbol[row]]
        slow[row] *= factors[symbols[-1][row]]

    fields = [(symbol[:, None], n_bits) for symbol, n_bits in zip(symbols, all_bits, strict=True)]
    groups = [(columns[[i]], numbers[i][None, :]) for i in range(len(widths))]
    sums = Sums.of([*groups, (np.array([dim]), factors[None, :])], words, centre)
    codes = bits.pack_fields(fields, n_rows)
    width, order = sum(all_bits), rng.permutation(n_rows)
    assert sums.sums(*bits.as_stream(codes)).tobytes() == slow.tobytes()
    assert sums.sums(bits.tighten(codes, width), width, order).tobytes() == slow[order].tobytes()


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    codes, rows, places = np.zeros(2, np.uint8), np.arange(2), np.array([[1, -1, 0], [3, 0, 0], [2, 2, 8]], np.int32)
    numbers, words, centre, out = (np.zeros(n, np.float32) for n in (12, 4, 2, 4))
    good = (2, 8, 3, 2, 12, 2)
    kernels.native.fields(codes, rows, places, numbers, words, centre, out, good)
    for place, wrong in enumerate((3, 0, 2, 3, 11, 3)):
        for size in (-1, wrong):
            sizes = (*good[:place], size, *good[place + 1 :])
            with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
                kernels.native.fields(codes, rows, places, numbers, words, centre, out, sizes)
    for row, column, value in (
        (0, 0, 2),
        (0, 2, 1),
        (0, 2, -1),
        (0, 0, -1),
        (1, 1, -2),
        (1, 1, 3),
        (2, 2, 9),
        (1, 0, 17),
        (2, 1, -1),  # a word after a number
    ):
        changed = places.copy()
        changed[row, column] = value
        with pytest.raises(ValueError, match=r"^a symbol must fit its row and what it stands for$"):
            kernels.native.fields(codes, rows, changed, numbers, words, centre, out, good)
    places[1, 0], places[2, 0] = 3, 5
    with pytest.raises(ValueError, match=r"^a symbol must fit"):
        kernels.native.fields(codes, rows, places, np.zeros(40, np.float32), words, centre, out, (2, 8, 3, 2, 40, 2))
