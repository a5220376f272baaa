"""Words <-> ranks, over all of Unicode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embcomp.errors import CorruptError, InputError, MissingWordError
from embcomp.vocabulary import Part, Vocabulary, building, merging, vocabulary
from embcomp.vocabulary.part import order_bits, pack_order
from embcomp.wordlist import Texts, WordList, WordListWriter

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
nasty = st.text(st.sampled_from("\x00\x01\x02a \n\u0085\u2028\ufeff\U0010ffff"), max_size=8)
word_lists = st.lists(anything | nasty, unique=True, max_size=30)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven words in the first part, and five sorted at once."""
    monkeypatch.setattr(vocabulary, "HEAD_WORDS", 7)
    monkeypatch.setattr(building, "RUN_WORDS", 5)
    monkeypatch.setattr(merging, "MERGED_WORDS", 3)
    monkeypatch.setattr(merging, "BLOCK_WORDS", 2)


def order_of(part: Part) -> Callable[[], Any] | None:
    return (lambda: part.order) if part.has_order else None


def reopened(built: Vocabulary) -> Vocabulary:
    """What is stored of a vocabulary."""
    return Vocabulary(
        [Part(WordList("words", part.words.index, part.words.pages), order_of(part), "order") for part in built.parts]
    )


@pytest.mark.parametrize(
    ("n_words", "expected"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8), (257, 9), (341_479, 19)]
)
def test_order_bits(n_words: int, expected: int) -> None:
    assert order_bits(n_words) == expected


@pytest.mark.usefixtures("small_parts")
@given(word_lists)
@example([])
@example([""])
@example(["\x00", "\x01", "\x01\x01", "\x01\x02", "\x00\x00", "\x00\x01", "\x01\x00", "\x00\x02", "", "a\x00b"])
@example(["\uffff", "\U00010000", "\ue000", "a"])  # in another order as UTF-16
def test_every_word_has_its_rank(words: list[str]) -> None:
    for known in (Vocabulary.build(words), reopened(Vocabulary.build(words))):
        assert len(known) == len(words)
        assert list(known) == words
        assert known.ranks(words).tolist() == list(range(len(words)))
        assert [known.rank(word) for word in words] == list(range(len(words)))
        assert [known.word(rank) for rank in range(len(words))] == words
        assert known.words(np.arange(len(words))[::-1]) == words[::-1]
        assert known.text_bytes == sum(len(word.encode()) for word in words)
        assert [len(part) for part in known.parts] == [n for n in (min(7, len(words)), len(words) - 7) if n > 0]


@pytest.mark.usefixtures("small_parts")
@given(word_lists, st.lists(anything | nasty, max_size=20))
def test_words_that_may_be_there(words: list[str], asked: list[str]) -> None:
    known = Vocabulary.build(words)
    expected = [words.index(word) if word in words else -1 for word in asked]
    assert known.ranks(asked).tolist() == expected
    assert [known.find(word) for word in asked] == expected
    assert [word in known for word in asked] == [word in words for word in asked]


@pytest.mark.usefixtures("small_parts")
@given(word_lists, st.data())
def test_without_order_words_ascend_in_each_band(words: list[str], data: st.DataObject) -> None:
    ends = [*sorted(data.draw(st.sets(st.integers(1, max(1, len(words) - 1)), max_size=3))), len(words)]
    ends = [end for end in ends if end <= len(words)]
    known, old_ranks = Vocabulary.build(words).without_order(ends)
    bands = [words[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    expected = [word for band in bands for word in sorted(band)]
    assert list(reopened(known)) == list(known) == expected
    assert [words[rank] for rank in old_ranks.tolist()] == expected
    assert known.ranks(expected).tolist() == list(range(len(words)))
    assert not known.has_order


def test_a_word_that_is_missing() -> None:
    with pytest.raises(MissingWordError) as caught:
        Vocabulary.build(["a"]).rank("b")
    assert str(caught.value) == "'b' is not in the vocabulary"


def test_the_order_of_a_part() -> None:
    """Ascending, the words are a, b, c, d, e; their ranks are 1, 4, 0, 3, 2, in three bits each."""
    part = Vocabulary.build(["c", "a", "e", "d", "b"]).parts[0]
    assert list(part.words) == [b"a", b"b", b"c", b"d", b"e"]
    assert part.order is not None
    assert part.order.tolist() == [0b00110000, 0b00110100]


def test_a_single_word_has_no_bits_of_order() -> None:
    part = Vocabulary.build(["queen"]).parts[0]
    assert part.order is not None
    assert part.order.tolist() == []


def test_stored_bytes() -> None:
    known = Vocabulary.build(["c", "a", "e", "d", "b"])
    (part,) = known.parts
    words = len(part.words.index) + len(part.words.pages)
    assert known.stored_bytes == words + 2  # 5 ranks of 3 bits
    assert known.without_order([5])[0].stored_bytes == words


def test_whether_there_is_an_order() -> None:
    ordered = Vocabulary.build(["b", "a"])
    assert ordered.has_order
    assert not ordered.without_order([2])[0].has_order


@pytest.mark.parametrize("run_words", [5, 2500, 6000])
def test_sorting_in_runs_gives_the_same_bytes(run_words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of some words, and of some pages."""
    monkeypatch.setattr(vocabulary, "HEAD_WORDS", 7)
    monkeypatch.setattr(merging, "MERGED_WORDS", 3000)
    words = [f"{number * 7919 % 10_007:x}" for number in range(1000 if run_words == 5 else 6000)]
    monkeypatch.setattr(building, "RUN_WORDS", run_words)
    in_runs = Vocabulary.build(iter(words))
    monkeypatch.setattr(building, "RUN_WORDS", 6001)
    at_once = Vocabulary.build(words)
    for one, other in zip(in_runs.parts, at_once.parts, strict=True):
        assert one.order is not None
        assert other.order is not None
        assert one.order.tobytes() == other.order.tobytes()
        assert (one.words.index, one.words.pages) == (other.words.index, other.words.pages)


def test_a_hundred_thousand_words() -> None:
    words = [f"{number * 7919 % 100_003:x}" for number in range(100_000)]
    known = reopened(Vocabulary.build(words))
    assert [len(part) for part in known.parts] == [16_384, 83_616]
    assert list(known) == words
    assert known.ranks(words).tolist() == list(range(100_000))
    assert known.words(np.arange(0, 100_000, 3)) == words[::3]
    assert [known.rank(word) for word in words[::97]] == list(range(100_000))[::97]


def test_long_words() -> None:
    words = ["x" * 65_536, "x" * 65_535, "é" * 40_000, "\x00" * 100_000, "x" * 2**20]
    known = reopened(Vocabulary.build(words))
    assert list(known) == words
    assert [known.find(word) for word in words] == [0, 1, 2, 3, 4]


def test_a_word_that_is_too_long() -> None:
    with pytest.raises(InputError) as caught:
        Vocabulary.build(["fine", "é" * 2**20])
    assert str(caught.value) == "word 'éééééééééé'… has 2097152 bytes, at most 1048576 are allowed"


@pytest.mark.parametrize("word", [chr(0xD800), "a" + chr(0xDFFF) + "b", chr(0xDC80)])
def test_a_lone_surrogate_is_refused(word: str) -> None:
    with pytest.raises(InputError) as caught:
        Vocabulary.build(["fine", word])
    assert str(caught.value) == f"a word is not valid Unicode: {word!r} holds a lone surrogate"


@pytest.mark.parametrize("word", ["\ud800", "a\udfffb"])
def test_a_lone_surrogate_is_in_no_vocabulary(word: str) -> None:
    known = Vocabulary.build(["a", "b"])
    assert word not in known
    assert known.find(word) == -1
    assert known.ranks(["b", word, "a"]).tolist() == [1, -1, 0]


def test_what_is_no_string_is_in_no_vocabulary() -> None:
    assert 3 not in Vocabulary.build(["3"])
    assert b"3" not in Vocabulary.build(["3"])


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("words", ["aa", "cbaa", "abcdefgha", "bcdefghja", "abcdefghijklmna"])
def test_repeated_words_are_refused(words: str) -> None:
    words = words.replace("j", "a")
    with pytest.raises(InputError) as caught:
        Vocabulary.build(words)
    assert str(caught.value) == "vocabulary: words must be distinct, got 'a' twice"


# Vocabularies that no writer makes


def with_order(words: list[bytes], ranks: list[int], width: int) -> Vocabulary:
    writer = WordListWriter()
    writer.add(Texts.of_bytes(words))
    packed = np.packbits([int(bit) for rank in ranks for bit in format(rank, f"0{width}b")])
    return Vocabulary([Part(WordList("words.0", *writer.finish()), lambda: packed, "order.0")])


def test_an_order_that_repeats_a_rank() -> None:
    known = with_order([b"a", b"b", b"c"], [0, 2, 2], 2)
    assert known.rank("b") == 2  # finding a word looks at its own rank only
    with pytest.raises(CorruptError) as caught:
        known.word(1)
    assert str(caught.value) == "section 'order.0' gives two words one rank"


def test_an_order_with_a_rank_that_is_too_large() -> None:
    known = with_order([b"a", b"b", b"c"], [0, 3, 2], 2)
    for action in (lambda: known.rank("b"), lambda: known.ranks(["b"]), lambda: known.word(0)):
        with pytest.raises(CorruptError) as caught:
            action()
        assert str(caught.value) == "section 'order.0' has rank 3 for 3 words"
    assert known.rank("a") == 0


def test_a_word_that_is_not_utf_8() -> None:
    known = with_order([b"a\xff", b"b"], [1, 0], 1)
    assert known.rank("b") == 0
    for action in (lambda: known.word(1), lambda: list(known)):
        with pytest.raises(CorruptError) as caught:
            action()
        assert str(caught.value) == r"section 'words.0': a word is not UTF-8: b'a\xff'"


def test_packing_an_order() -> None:
    assert pack_order([np.array([2, 0, 1])], 3).tolist() == [0b10000100]
    assert pack_order([], 0).tolist() == []
