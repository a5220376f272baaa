"""Words <-> rows, over all of Unicode."""

from __future__ import annotations

import marisa_trie
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embcomp.errors import CorruptError, InputError, MissingWordError
from embcomp.vocabulary import Vocabulary, rank_bits

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
nasty = st.text(st.sampled_from("\x00\x01\x02a \n\u0085\u2028\ufeff\U0010ffff"), max_size=8)
word_lists = st.lists(anything | nasty, unique=True, max_size=30)


def reopened(vocabulary: Vocabulary, *, order: bool = True) -> Vocabulary:
    packed = vocabulary.pack_order if order else None
    return Vocabulary.from_buffers(memoryview(vocabulary.trie_bytes), len(vocabulary), packed)


@pytest.mark.parametrize(
    ("n_words", "expected"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8), (257, 9), (341_479, 19)]
)
def test_rank_bits(n_words: int, expected: int) -> None:
    assert rank_bits(n_words) == expected


@given(word_lists)
@example([])
@example([""])
@example(["\x00", "\x01", "\x01\x01", "\x01\x02", "\x00\x00", "\x00\x01", "\x01\x00", "\x00\x02", "", "a\x00b"])
def test_every_word_has_one_row_and_comes_back_in_source_order(words: list[str]) -> None:
    vocabulary = Vocabulary.build(words)
    assert len(vocabulary) == len(words)
    assert list(vocabulary) == words
    assert sorted(vocabulary.rows(words).tolist()) == list(range(len(words)))
    assert [vocabulary.word(vocabulary.row(word)) for word in words] == words
    assert vocabulary.rows_by_rank.tolist() == [vocabulary.row(word) for word in words]
    assert vocabulary.ranks_by_row[vocabulary.rows_by_rank].tolist() == list(range(len(words)))


@given(word_lists)
def test_storing_changes_nothing(words: list[str]) -> None:
    stored = reopened(Vocabulary.build(words))
    assert list(stored) == words
    assert stored.rows(words).tolist() == Vocabulary.build(words).rows(words).tolist()
    assert stored.trie_bytes == Vocabulary.build(words).trie_bytes
    assert stored.pack_order().tolist() == Vocabulary.build(words).pack_order().tolist()


@given(word_lists, anything | nasty)
def test_a_word_that_is_not_there(words: list[str], other: str) -> None:
    vocabulary = Vocabulary.build(words)
    present = other in words
    assert (other in vocabulary) is present
    assert (vocabulary.find(other) >= 0) is present
    if not present:
        assert vocabulary.find(other) == -1
        with pytest.raises(MissingWordError) as caught:
            vocabulary.row(other)
        assert str(caught.value) == f"{other!r} is not in the vocabulary"


def test_order_is_packed_as_documented() -> None:
    vocabulary = Vocabulary.build(["c", "a", "b"])
    rows = "".join(format(row, "02b") for row in vocabulary.rows(["c", "a", "b"]).tolist())
    assert vocabulary.pack_order().tolist() == [int(rows + "00", 2)]


def test_without_its_order_the_words_come_by_row() -> None:
    built = Vocabulary.build(["the", "of", "and", "to"])
    stored = reopened(built, order=False)
    assert built.has_order
    assert reopened(built).has_order
    assert not stored.has_order
    assert stored.rows(list(stored)).tolist() == [0, 1, 2, 3]
    assert stored.ranks_by_row.tolist() == [0, 1, 2, 3]


def test_a_word_of_64_kilobytes() -> None:
    words = ["x" * 65_536, "x" * 65_535, "é" * 40_000, "\x00" * 65_536]
    assert list(reopened(Vocabulary.build(words))) == words


def test_a_hundred_thousand_words() -> None:
    words = [f"{number * 7919 % 100_003:x}" for number in range(100_000)]
    assert list(reopened(Vocabulary.build(words))) == words


@pytest.mark.parametrize("word", [chr(0xD800), "a" + chr(0xDFFF) + "b", chr(0xDC80)])
def test_a_lone_surrogate_is_refused(word: str) -> None:
    with pytest.raises(InputError) as caught:
        Vocabulary.build(["fine", word])
    assert str(caught.value) == f"a word is not valid Unicode: {word!r} holds a lone surrogate"


@pytest.mark.parametrize("word", ["\ud800", "a\udfffb"])
def test_a_lone_surrogate_is_in_no_vocabulary(word: str) -> None:
    vocabulary = Vocabulary.build(["a"])
    assert word not in vocabulary
    assert vocabulary.find(word) == -1


def test_what_is_no_string_is_in_no_vocabulary() -> None:
    assert 3 not in Vocabulary.build(["3"])
    assert b"3" not in Vocabulary.build(["3"])


def test_repeated_words_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        Vocabulary.build(["a", "b", "a", "a"])
    assert str(caught.value) == "vocabulary: words must be distinct, got 2 repeated"


def test_other_bytes_are_no_trie() -> None:
    with pytest.raises(CorruptError, match=r"^section 'vocabulary' is not a MARISA trie: "):
        Vocabulary.from_buffers(memoryview(b"nothing of the kind"), 1, None)


def test_a_trie_with_another_number_of_words() -> None:
    data = memoryview(marisa_trie.Trie(["a", "b"]).tobytes())
    with pytest.raises(CorruptError) as caught:
        Vocabulary.from_buffers(data, 3, None)
    assert str(caught.value) == "section 'vocabulary' holds 2 words, the header says 3"


@pytest.mark.parametrize("rows", [[0, 0, 1], [0, 1, 3], [1, 2, 1]])
def test_an_order_that_is_no_permutation(rows: list[int]) -> None:
    built = Vocabulary.build(["a", "b", "c"])
    packed = np.packbits([int(bit) for row in rows for bit in format(row, "02b")])
    stored = Vocabulary.from_buffers(memoryview(built.trie_bytes), 3, lambda: packed)
    assert stored.row("a") == built.row("a")  # finding a word needs no order
    with pytest.raises(CorruptError) as caught:
        _ = stored.rows_by_rank
    assert str(caught.value) == "section 'order' is not a permutation of the rows"


def test_the_buffer_outlives_its_owner() -> None:
    """The trie's binding keeps a pointer only."""
    vocabularies = [reopened(Vocabulary.build([f"word{n}" for n in range(2000)])) for _ in range(5)]
    junk = [bytes(20_000) for _ in range(200)]
    assert all(list(vocabulary)[1999] == "word1999" for vocabulary in vocabularies)
    assert len(junk) == 200


def test_what_cannot_be_encoded_is_in_no_vocabulary() -> None:
    vocabulary = Vocabulary.build(["a", "b"])
    assert vocabulary.rows(["b", "\ud800", "a"]).tolist() == [1, -1, 0]
    assert "\ud800" not in vocabulary
