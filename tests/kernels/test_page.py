"""What the extension refuses of pages; their words are tested in tests/wordlist."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pytest

from embcomp import kernels

KEPT, BOUNDS = np.array([1, 2], np.int32), np.array([0, 1, 3])


def words(kept: list[int], bounds: list[int], *, text: bytes = b"bcd", n_letters: int = 20) -> bytes | None:
    """Three words, the first ``a``: the bytes of all, or ``None`` if they do not hold."""
    assert kernels.native is not None
    letters, ends = np.zeros(n_letters, np.uint8), np.zeros(3, np.int32)
    arrays = (np.array(kept, np.int32), np.array(bounds, np.int64), text, letters, ends)
    return letters[: ends[-1]].tobytes() if kernels.native.page_words(b"a", *arrays, (3, 16)) else None


def test_words_that_do_not_hold() -> None:
    if kernels.native is None:
        return
    assert words([1, 2], [0, 1, 3]) == b"a" + b"ab" + b"abcd"
    for kept in ([2, 2], [-1, 2], [1, 3], [1, 0]):  # more than there is; fewer than none; words that descend
        assert words(kept, [0, 1, 3], text=b"b\x00\x00") is None, kept
    for bounds in ([0, 1, 4], [-1, 1, 3], [0, 2, 1], [2**62, 2**62, 3]):
        assert words([1, 2], bounds) is None, bounds
    assert words([1, 2], [0, 1, 3], n_letters=7) is not None
    assert words([1, 2], [0, 1, 3], n_letters=6) is None


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    letters, ends = np.zeros(20, np.uint8), np.zeros(3, np.int32)
    for sizes in [(0, 16), (2**17, 16), (3, 1), (2, 16), (4, 16)]:
        with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
            kernels.native.page_words(b"a", KEPT, BOUNDS, b"bcd", letters, ends, sizes)
    with pytest.raises(ValueError, match=r"^a size must be from 2 to"):
        kernels.native.page_words(b"ab", KEPT, BOUNDS, b"bcd", letters[:1], ends, (3, 16))


def find(letters: bytes, ends: list[int], words: list[bytes], chosen: list[int], start: int = 5) -> list[int]:
    """Numbers of the chosen words; −1 where there are none."""
    assert kernels.native is not None
    out = np.full(len(words), -1)
    kernels.native.page_find(letters, np.array(ends, np.int32), words, np.array(chosen), start, out)
    return out.tolist()


def test_words_that_are_found() -> None:
    if kernels.native is None:
        return
    words = [b"bc", b"", b"a", b"b", b"c", b"a"]
    assert find(b"abc", [1, 3], words, [0, 1, 2, 3, 4]) == [6, -1, 5, -1, -1, -1]
    assert find(b"", [], [b"a"], [0]) == [-1]
    for bad in ([-1, -1], [3, 4], [3, 1]):
        with pytest.raises(ValueError, match=r"^ends must ascend within the letters$"):
            find(b"abc", bad, [b"zz"], [0])
    for wrong in ([6], [-1]):
        with pytest.raises(IndexError):
            find(b"abc", [1, 3], words, wrong)
    with pytest.raises(TypeError):
        find(b"abc", [1, 3], ["a"], [0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"^out has 8 bytes, expected 2 items of 8$"):
        kernels.native.page_find(b"", np.zeros(0, np.int32), [b"a", b"b"], np.zeros(0, np.int64), 0, np.zeros(1))


def test_places_among_first_words() -> None:
    if kernels.native is None:
        return
    firsts, words = [b"", b"b", b"ba", b"\xff"], [b"", b"a", b"b", b"b\0", b"ba", b"z", b"\xff\0"]
    out = np.zeros(len(words), np.int64)
    kernels.native.places(firsts, words, out)
    assert out.tolist() == [bisect_right(firsts, word) for word in words]
    with pytest.raises(TypeError):
        kernels.native.places(firsts, ["a"], out[:1])
    with pytest.raises(ValueError, match=r"^out has 8 bytes, expected 7 items of 8$"):
        kernels.native.places(firsts, words, out[:1])
