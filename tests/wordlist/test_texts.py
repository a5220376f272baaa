"""Words as arrays: sorted as bytes are, and compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.errors import InputError
from embcomp.wordlist.texts import Texts, shared_prefixes

nasty = st.binary(max_size=20) | st.text("\0ab", max_size=90).map(str.encode)


def words_of(texts: Texts) -> list[bytes]:
    ends = np.cumsum(texts.lengths).tolist()
    return [texts.letters.tobytes()[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(st.lists(nasty, max_size=60))
@example([])
@example([b""])
@example([b"", b"", b"\0", b"\0\0", b"a", b"a\0", b"a\0\0", b"a" + b"\0" * 7, b"a" + b"\0" * 8, b"a\0b"])
@example([b"a" * 64 + b"b", b"a" * 64, b"a" * 200, b"a" * 64 + b"\0", b"b", b"a" * 200, b"c" * 70, b"c" * 65])
def test_words_ascend_as_bytes_do(words: list[bytes]) -> None:
    texts = Texts.of_bytes(words)
    order = texts.ascending()
    assert order.dtype == np.int64
    assert order.tolist() == sorted(range(len(words)), key=words.__getitem__)
    assert words_of(texts.take(order)) == sorted(words)


def test_the_kernel_refuses_words_that_are_not_there() -> None:
    if kernels.native is not None:
        letters, order = np.frombuffer(b"abc", dtype=np.uint8), np.empty(2, dtype=np.int64)
        for ends in ([2, 1], [-1, 3], [1, 4]):
            with pytest.raises(ValueError, match=r"^words do not lie within the letters$"):
                kernels.native.ascending(letters, np.array(ends), order)
        places = np.array([0, 1]), np.array([2, 1]), np.array([1, 2])
        kernels.native.shared_prefixes(letters, *places, order)
        for wrong in ([-1, 1], [4, 0]):
            for name in range(3):
                changed = [np.array(wrong) if each == name else numbers for each, numbers in enumerate(places)]
                with pytest.raises(ValueError, match=r"^words do not lie within the letters$"):
                    kernels.native.shared_prefixes(letters, *changed, order)
        with pytest.raises(ValueError, match=r"^order has 16 bytes, expected 1 items of 8$"):
            kernels.native.ascending(letters, np.array([3]), order)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=20))
def test_words_are_put_together_in_utf_8(words: list[str]) -> None:
    texts = Texts.of_words(words)
    assert words_of(texts) == [word.encode() for word in words]
    assert [texts.word(number) for number in range(len(words))] == [word.encode() for word in words]
    twice = Texts.joined([texts, texts])
    assert words_of(twice) == 2 * words_of(texts)


def test_a_lone_surrogate_is_named() -> None:
    with pytest.raises(InputError) as caught:
        Texts.of_words(["a", "b\udc80", "\udc80"])
    assert str(caught.value) == "a word is not valid Unicode: 'b\\udc80' holds a lone surrogate"


@given(st.lists(st.tuples(nasty, nasty), max_size=20))
@example([(b"a" * 64, b"a" * 64), (b"a" * 65, b"a" * 64 + b"b"), (b"a" * 300, b"a" * 200 + b"b"), (b"", b"a")])
@example([(b"a" * 300, b"a" * 300), (b"b" + b"a" * 300, b"a" * 300)])
def test_shared_prefixes(pairs: list[tuple[bytes, bytes]]) -> None:
    texts = Texts.of_bytes([word for pair in pairs for word in pair])
    starts, limits = texts.starts, np.minimum(texts.lengths[::2], texts.lengths[1::2])
    expected = [
        next((place for place, (a, b) in enumerate(zip(*pair, strict=False)) if a != b), min(map(len, pair)))
        for pair in pairs
    ]
    assert shared_prefixes(texts.letters, starts[::2], starts[1::2], limits).tolist() == expected
