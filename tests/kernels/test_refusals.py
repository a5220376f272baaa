"""What every kernel refuses: buffers and sizes that do not fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.kernels.both import BUILT

F, D, B, H, W, U, L, Q = "float32", "float64", "uint8", "int16", "int32", "uint16", "int64", "uint64"
HUGE = (-1, -(2**63), 2**62, 2**63 - 1)


def zeros(*shapes: Any) -> list[Any]:
    """Arrays of zeros, of which each dtype stands before its shape."""
    return [np.zeros(shape, dtype) for dtype, shape in zip(shapes[::2], shapes[1::2], strict=True)]


def valid_call(name: str) -> list[Any]:
    """Arguments that fit, all arrays of which hold something."""
    rows, symbols = [np.zeros(9, B), np.arange(4)], (W, (2, 3), F, 4, F, (1, 8), F, 8, F, (4, 8))
    of_beam = (W, (3, 5), H, (2, 5, 5), U, (3, 2, 2), L, (3, 2), U, (3, 4, 3), L, (3, 4))
    of_best = (B, (1, 3, 64), D, (2, 320), D, (2, 2), F, 7, F, 7, U, 928, D, (2, 3), L, (2, 3))
    calls: dict[str, Callable[[], list[Any]]] = {
        "ascending": lambda: [np.zeros(3, B), np.array([1, 3]), np.zeros(2, L)],
        "beam": lambda: [*zeros(*of_beam), (3, 2, 2, 5, 2, 2, 1, 4)],
        "best": lambda: [*zeros(*of_best), (2, 7, 3, 1, 3, 0, 7), 1.0],
        "cross": lambda: [*zeros(F, (3, 5), F, (3, 5), H, (1, 3, 16, 2), W, (8, 16)), (3, 5, 16)],
        "fields": lambda: [*rows, *zeros(*symbols), (4, 18, 2, 8, 4, 1)],
        "hamming": lambda: [*zeros(Q, (5, 2), Q, (3, 2), D, (3, 4), L, (3, 4)), (5, 3, 2, 4)],
        "literals": lambda: [b"abc", np.zeros(1030, B), (0, 1)],
        "many_signs": lambda: [*rows, *zeros(F, (2, 50, 16), F, (4, 17)), (4, 18, 10, 17)],
        "page_find": lambda: [b"abc", np.array([1, 3], W), [b"a"], np.zeros(1, L), 0, np.zeros(1, L)],
        "page_words": lambda: [b"a", np.zeros(2, W), np.array([0, 1, 2]), b"bc", *zeros(B, 3, W, 3), (3, 16)],
        "places": lambda: [[b"a"], [b"b"], np.zeros(1, L)],
        "search": lambda: [*zeros(W, (2, 3, 5), H, (2, 2, 5, 5), U, (3, 2)), (3, 2, 5, 1, 4, 1)],
        "shared_prefixes": lambda: [*zeros(B, 2, L, 2, L, 2), np.full(2, 2), np.zeros(2, L)],
        "signs": lambda: [*rows, *zeros(F, (4, 16, 7), F, (4, 7)), (4, 18, 4, 7)],
        "take": lambda: [*rows, np.zeros((4, 3), B), (4, 18)],
        "text_lines": lambda: [b"a 1\n"],
        "text_rows": lambda: [b"a 1\n", *zeros(B, 4, F, (1, 1), B, 1), (1, 1, 9)],
        "totals": lambda: [*zeros(F, (4, 3), U, 4, D, (5, 3)), (4, 3, 5)],
        "turned": lambda: [*zeros(F, (4, 3), F, (3, 17), F, 17, F, (4, 17)), (4, 3, 17)],
        "words": lambda: [*zeros(F, (4, 3), H, (2, 1, 2, 16, 2), W, (2, 16), W, (2, 4, 5), U, 0), (4, 3, 5, 2)],
    }
    return calls[name]()


NAMES = sorted(name for name, each in vars(BUILT).items() if callable(each) and name[0] != "_") if BUILT else []
ANY_NUMBER = {("literals", 1), ("text_rows", 2)}  # whether a block is the last; bytes that a word may have
ANY_LENGTH = {("page_find", 1), ("page_find", 3), ("page_words", 4)}  # words of a page; the chosen ones; room


@pytest.fixture(autouse=True, scope="module")
def kernel() -> None:
    """Nothing here is done without the extension."""


def others(name: str) -> Iterator[tuple[str, list[Any]]]:
    """Calls in each of which one thing does not fit, and what that is."""
    for i, value in enumerate(valid_call(name)):
        unfit: list[Any] = []
        if isinstance(value, tuple):
            places = [place for place in range(len(value)) if (name, place) not in ANY_NUMBER]
            unfit = [(*value[:place], size, *value[place + 1 :]) for place in places for size in HUGE]
        elif isinstance(value, int):
            unfit = list(HUGE)
        elif isinstance(value, np.ndarray):
            raw = np.zeros(value.nbytes + 1, np.uint8)
            unfit = [value.reshape(-1)[:-1]] if (name, i) not in ANY_LENGTH and value.size else []
            unfit += [raw[1:].view(value.dtype)] if value.itemsize > 1 and value.size else []
            unfit += [np.zeros((value.size, 2), value.dtype)[:, 0]] if value.size > 1 else []
        for each in unfit:
            yield f"{name}, argument {i}: {each!r}", [*valid_call(name)[:i], each, *valid_call(name)[i + 1 :]]


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused(name: str) -> None:
    getattr(BUILT, name)(*valid_call(name))
    for what, arguments in others(name):
        try:
            getattr(BUILT, name)(*arguments)
        except (ValueError, IndexError, TypeError):  # rows that a stream does not have; strides
            continue
        pytest.fail(what)


@pytest.mark.parametrize("name", NAMES)
def test_types_that_are_refused(name: str) -> None:
    for i in range(len(valid_call(name))):
        with pytest.raises(TypeError):
            getattr(BUILT, name)(*valid_call(name)[:i], "words", *valid_call(name)[i + 1 :])
