"""Sorted words: found, read and refused."""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embcomp.errors import CorruptError, InputError
from embcomp.wordlist import MAX_WORD_BYTES, Texts, WordList, WordListWriter, writing
from embcomp.wordlist.pages import MAX_PAGE_TEXT, Page
from tests.wordlist.slowly import BrokenError, words_of, words_of_page

some_bytes = st.binary(max_size=12) | st.text("ab", max_size=40).map(str.encode)
word_sets = st.lists(some_bytes, unique=True, max_size=80).map(sorted)


def sections(words: Sequence[bytes], step: int = 10**9) -> tuple[bytes, bytes]:
    writer = WordListWriter()
    for start in range(0, len(words), step):
        writer.add(Texts.of_bytes(words[start : start + step]))
    index, pages = writer.finish()
    return index, bytes(pages)


def opened(words: Sequence[bytes]) -> WordList:
    return WordList("words", *sections(words))


def find_many(listed: WordList, words: list[bytes]) -> list[int]:
    order = sorted(range(len(words)), key=words.__getitem__)
    found = dict(zip(order, listed.find_many([words[each] for each in order]).tolist(), strict=True))
    return [found[each] for each in range(len(words))]


def many_words(n_words: int, seed: int = 0) -> list[bytes]:
    """Words of 0 to 40 bytes, of which many begin alike."""
    draw = np.random.default_rng(seed)
    letters = draw.integers(97, 101, size=(2 * n_words, 40), dtype=np.uint8)
    lengths = np.minimum(draw.geometric(0.08, size=2 * n_words), 40)
    found = {row[:length].tobytes() for row, length in zip(letters, lengths, strict=True)}
    return sorted(found)[:n_words]


LISTS = {
    "none": [],
    "the empty word": [b""],
    "one": [b"queen"],
    "sixteen": [b"%02d" % number for number in range(16)],
    "seventeen": [b"%02d" % number for number in range(17)],
    "1024": [b"%04d" % number for number in range(1024)],
    "1025": [b"%04d" % number for number in range(1025)],
    "5000": many_words(5000),
    "each the start of the next": [b"x" * length for length in range(300)],
    "NUL": [b"", b"\0", b"\0\0", b"\0a", b"a", b"a\0", b"a\0\0"],
    "long": sorted([b"a" * 100_000, b"a" * 99_999, b"a" * 65_537, b"a" * 65_536, b"a" * 65_535, b"b", b"a", b"ab"]),
    "the longest": [b"x" * MAX_WORD_BYTES],
    "lengths of 14, 15, 269, 270, 271": [b"c" * n + b"d" * m for n in (14, 15, 269, 270, 271) for m in (14, 15, 270)],
}


@pytest.mark.parametrize("words", LISTS.values(), ids=LISTS)
def test_words_are_found_and_read(words: list[bytes]) -> None:
    words = sorted(words)
    listed = opened(words)
    assert len(listed) == len(words)
    assert list(listed) == words == words_of(*sections(words))
    assert listed.find_many(words).tolist() == list(range(len(words)))
    assert [listed.find(word) for word in words[:2000]] == list(range(len(words[:2000])))
    assert [listed.word(number) for number in range(len(words[:2000]))] == words[:2000]
    assert listed.text_bytes == sum(map(len, words))


@given(word_sets, st.lists(some_bytes, max_size=100))
@example([], [b""])
def test_as_a_sorted_list(words: list[bytes], asked: list[bytes]) -> None:
    listed = opened(words)
    expected = [words.index(word) if word in words else -1 for word in asked]
    assert list(listed) == words == words_of(*sections(words))
    assert find_many(listed, asked) == expected
    assert [listed.find(word) for word in asked] == expected


@pytest.mark.parametrize("n_asked", [1, 63, 64, 3000])
def test_words_that_are_missing(n_asked: int) -> None:
    every = many_words(6000)
    words, other = every[::2], every[1::2][:n_asked]
    listed = opened(words)
    asked = [*other, b"", b"\xff" * 50, *words[:n_asked]]
    expected = [bisect_left(words, word) if word in set(words) else -1 for word in asked]
    assert find_many(listed, asked) == expected
    assert [listed.find(word) for word in asked] == expected


@pytest.mark.parametrize("step", [1, 1023, 1024, 4999])
def test_it_does_not_matter_in_how_many_steps_words_come(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WORDS_AT_ONCE", 1200)
    words = many_words(5000)
    assert sections(words, step) == sections(words)


def test_the_bytes_of_a_list() -> None:
    words = [b"", b"king", b"kings", b"queen"]
    index, pages = sections(words)
    stream = b"\x78\x01" + b"\x01\x0d\x00\xf2\xff" + b"\x04\x41\x05" + b"kingsqueen"
    assert pages == stream + zlib.adler32(b"\x04\x41\x05kingsqueen").to_bytes(4, "big")
    assert index == struct.pack("<QQ", 14, 1) + struct.pack("<III", 4, 0, len(pages))


def page_sizes(words: list[bytes]) -> list[int]:
    index, _ = sections(words)
    n_pages = struct.unpack_from("<Q", index, 8)[0]
    return [struct.unpack_from("<I", index, 16 + 12 * number)[0] for number in range(n_pages)]


def test_pages_are_as_full_as_they_may_be() -> None:
    """Of 100 bytes each, 655 words are 65,500 bytes; of 64 each, 1,024 are just as many as are allowed."""
    assert page_sizes([b"%0100d" % number for number in range(2000)]) == [655, 655, 655, 35]
    assert page_sizes([b"%064d" % number for number in range(2100)]) == [1024, 1024, 52]
    assert page_sizes([b"%065d" % number for number in range(2100)]) == [1008, 1008, 84]
    long = [b"a" * 65_000, b"b" * 536, b"c", b"d" * 65_537, b"e"]
    assert page_sizes(long) == [2, 1, 1, 1]


@pytest.mark.parametrize("n_asked", [1, 63, 64, 65, 2500])
def test_many_words_are_read_in_the_order_asked_for(n_asked: int) -> None:
    words = many_words(5000)
    asked = np.random.default_rng(0).integers(1500, 5000, n_asked)
    assert opened(words).read_many(asked) == [words[number] for number in asked.tolist()]
    assert opened(words).read_many(asked[:0]) == []


def test_lists_are_small() -> None:
    """5,000 words of 12 bytes on average, of four letters each with 2 bits of information."""
    words = many_words(5000)
    index, pages = sections(words)
    assert len(index) + len(pages) < 0.4 * sum(map(len, words))


def test_a_word_that_is_too_long() -> None:
    with pytest.raises(InputError) as caught:
        sections([b"a", b"x" * (MAX_WORD_BYTES + 1)])
    assert str(caught.value) == "word 'xxxxxxxxxxxxxxxxxxxx'… has 1048577 bytes, at most 1048576 are allowed"


# Lists that no writer makes


def made(pages: Sequence[tuple[bytes, int, bytes]], text_bytes: int | None = None) -> tuple[bytes, bytes]:
    """An index that fits its pages, given as first word, number of words, and stream."""
    total = sum(len(first) for first, _, _ in pages) if text_bytes is None else text_bytes
    table = b"".join(struct.pack("<III", n_words, len(first), len(stream)) for first, n_words, stream in pages)
    firsts = b"".join(first for first, _, _ in pages)
    return struct.pack("<QQ", total, len(pages)) + table + firsts, b"".join(stream for _, _, stream in pages)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(CorruptError) as caught:
        action()
    message = str(caught.value)
    assert message.startswith("section 'words': ")
    return message.removeprefix("section 'words': ")


@pytest.mark.parametrize(
    ("index", "pages", "problem"),
    [
        (b"", b"", "its index ends too early"),
        (struct.pack("<QQ", 0, 1), b"", "its index ends too early"),
        (struct.pack("<QQ", 0, 2**63), b"", "its index ends too early"),
        (struct.pack("<QQ", 0, 0) + b"a", b"", "its index does not fit its length"),
        (struct.pack("<QQ", 0, 0), b"a", "its index does not fit its length"),
        (*made([(b"a", 0, b"")]), "a page must have 1 to 1024 words"),
        (*made([(b"a", 1025, b"x")]), "a page must have 1 to 1024 words"),
        (*made([(b"a", 1, b"x")]), "a page must have 1 to 1024 words"),
        (*made([(b"a", 2, b"")]), "a page must have 1 to 1024 words"),
        (*made([(b"a" * (MAX_WORD_BYTES + 1), 1, b"")]), "a first word is too long"),
        (*made([(b"a" * (MAX_PAGE_TEXT + 1), 2, b"x")]), "a first word is too long"),
        (*made([(b"a", 1, b"")], 0), "its index has a wrong number of bytes of all words"),
        (*made([(b"a", 1, b"")], 65_538), "its index has a wrong number of bytes of all words"),
        (*made([(b"b", 1, b""), (b"a", 1, b"")]), "first words do not ascend"),
        (*made([(b"a", 1, b""), (b"a", 1, b"")]), "first words do not ascend"),
    ],
)
def test_an_index_that_is_refused(index: bytes, pages: bytes, problem: str) -> None:
    assert refusal(lambda: WordList("words", index, pages)) == problem


LONGEST_WORD = b"\x0f\x01" + b"\xff" * 256 + b"\xf1" + b"b" * 65_536 + b"c"  # and two more bytes


@pytest.mark.parametrize(
    ("n_words", "content", "problem"),
    [
        (3, b"", "page 0 cannot be inflated"),
        (3, b"\x01\x01", "page 0 cannot be inflated"),
        (3, b"\x01\x01b", "page 0 has lengths that are not allowed"),
        (3, b"\x01\x01bcd", "page 0 has lengths that are not allowed"),
        (3, b"\x01\x0fbc", "page 0 has lengths that are not allowed"),
        (3, b"\x01\x0f\xff\xff", "page 0 has lengths that are not allowed"),
        (3, b"\x01\xf1\x00bc", "page 0 keeps more of a word than there is"),
        (3, b"\x21\x01bc", "page 0 keeps more of a word than there is"),
        (3, b"\x01\x01cb", "page 0 has words that do not ascend"),
        (3, b"\x01\x10b", "page 0 has words that do not ascend"),
        (3, LONGEST_WORD, "page 0 has lengths that are not allowed"),
        (18, b"\x51" * 17 + b"bcdefghijklmnopqr", "page 0 keeps more of a word than there is"),
    ],
)
def test_a_page_that_is_refused(n_words: int, content: bytes, problem: str) -> None:
    index, pages = made([(b"a", n_words, zlib.compress(content, 0))], 3000)
    assert refusal(lambda: list(WordList("words", index, pages))) == problem
    with pytest.raises(BrokenError):
        words_of(index, pages)


def test_a_wrong_number_of_bytes() -> None:
    index, pages = made([(b"a", 1, b""), (b"b", 1, b"")], 3)
    assert refusal(lambda: list(WordList("words", index, pages))) == "its words have 2 bytes, its index says 3"


@pytest.mark.parametrize("next_word", [b"c", b"d"])
def test_pages_that_overlap(next_word: bytes) -> None:
    index, pages = made([(b"a", 2, zlib.compress(b"\x01d")), (next_word, 1, b"")], 10)
    assert refusal(lambda: list(WordList("words", index, pages))) == "page 0 has words that do not ascend"


def test_words_of_a_page_that_are_too_long_together() -> None:
    first = b"a" * MAX_PAGE_TEXT
    index, pages = made([(first, 2, zlib.compress(b"\x01b"))])
    assert refusal(lambda: list(WordList("words", index, pages))) == "page 0 has words of more than 65536 bytes"


def test_a_page_that_inflates_to_much() -> None:
    stream = zlib.compress(bytes(10**8))
    assert len(stream) < 10**6
    index, pages = made([(b"a", 1024, stream)])
    assert refusal(lambda: WordList("words", index, pages).find(b"b")) == "page 0 cannot be inflated"


def test_a_page_of_more_words_than_its_bytes_allow() -> None:
    """Four for each byte, and the first word: each takes two bytes of content, of which a byte holds up to eight."""
    content = b"\x51" + b"\x01" * 4 + b"b" + b"cdef"
    stream = zlib.compress(content)
    most = 4 * len(stream) + 1
    assert len(WordList("words", *made([(b"a", most, stream)], 1000))) == most
    index, pages = made([(b"a", most + 1, stream)], 1000)
    problem = "a page must have at most 4 words for each of its bytes"
    assert refusal(lambda: WordList("words", index, pages)) == problem


def test_the_content_of_a_page_is_at_most_eight_times_its_stream() -> None:
    """Huffman codes alone keep to it; matches of earlier bytes do not."""
    new = b"b" + b"c" * 1400
    content = b"\x0f" + b"\xff" * (1386 // 255) + bytes([1386 % 255]) + new
    for level, refused in ((zlib.Z_HUFFMAN_ONLY, False), (zlib.Z_DEFAULT_STRATEGY, True)):
        compressor = zlib.compressobj(9, zlib.DEFLATED, 15, 9, level)
        stream = compressor.compress(content) + compressor.flush()
        assert (len(content) > 8 * len(stream)) == refused
        index, pages = made([(b"a", 2, stream)], 1 + len(new))
        if refused:
            assert refusal(lambda: list(WordList("words", index, pages))) == "page 0 cannot be inflated"  # noqa: B023
        else:
            assert list(WordList("words", index, pages)) == [b"a", new]


def test_long_words_that_begin_alike_take_no_more_than_a_page() -> None:
    """1,023 words that keep 60,000 bytes each would be 61 MB."""
    n_words = 1024
    content = b"\xf1" * (n_words - 1) + (b"\xff" * 235 + b"\x0f") * (n_words - 1)
    index, pages = made([(b"a" * 60_000, n_words, zlib.compress(content + b"b" * (n_words - 1)))])
    assert refusal(lambda: WordList("words", index, pages).find(b"b")).startswith("page 0 cannot be inflated")
    content = b"\xf1" * 100 + (b"\xff" * 235 + b"\x00") * 100 + bytes(range(100))
    index, pages = made([(b"a" * 60_000, 101, zlib.compress(content, 0))])
    assert refusal(lambda: WordList("words", index, pages).find(b"b")) == "page 0 has lengths that are not allowed"


@given(st.integers(2, 40), st.binary(max_size=300), st.binary(max_size=3), st.lists(some_bytes, max_size=4))
def test_whatever_a_page_holds_the_slow_reader_agrees(
    n_words: int, content: bytes, first: bytes, asked: list[bytes]
) -> None:
    agree(*one_page(first, n_words, content), asked)


@given(word_sets.filter(lambda words: len(words) > 1), st.data())
def test_changed_pages_are_refused_or_read(words: list[bytes], data: st.DataObject) -> None:
    _, pages = sections(words)
    content = bytearray(zlib.decompress(pages))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    agree(*one_page(words[0], len(words), bytes(content)), words)


@given(word_sets, st.data())
def test_changed_sections_are_refused_or_read_as_the_slow_reader_does(
    words: list[bytes], data: st.DataObject
) -> None:
    index, pages = (bytearray(section) for section in sections(words))
    changed = data.draw(st.sampled_from([index, pages] if pages else [index]))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    agree(bytes(index), bytes(pages), words)


def one_page(first: bytes, n_words: int, content: bytes) -> tuple[bytes, bytes]:
    """A list of one page, with the bytes of all words as they are if it can be read."""
    stream = zlib.compress(content)
    try:
        text_bytes = sum(map(len, words_of_page(first, n_words, stream)))
    except BrokenError:
        text_bytes = len(first)
    return made([(first, n_words, stream)], text_bytes)


def agree(index: bytes, pages: bytes, asked: list[bytes]) -> None:
    """Both readers give the same words, or both refuse; and what is found is there."""
    try:
        expected = words_of(index, pages)
    except BrokenError:
        with pytest.raises(CorruptError):
            list(WordList("words", index, pages))
    else:
        assert list(WordList("words", index, pages)) == expected
    try:
        listed = WordList("words", index, pages)
    except CorruptError:
        return
    for word in asked:
        try:
            number = listed.find(word)
        except CorruptError:
            continue
        assert number == -1 or listed.word(number) == word


def test_a_page_that_is_not_asked_for_is_not_read() -> None:
    words = many_words(3000)
    index, pages = sections(words)
    broken = pages[:-1] + bytes([pages[-1] ^ 1])
    listed = WordList("words", index, broken)
    assert listed.find(words[5]) == 5
    assert refusal(lambda: listed.find(words[-1])) == "page 2 cannot be inflated"


def test_heads_that_do_not_ascend() -> None:
    """Heads a, c, b."""
    content = b"\x01\x01" + b"\x11" * 45 + b"cb" + bytes(range(48, 63)) * 3
    index, pages = made([(b"a", 48, zlib.compress(content))], 3000)
    listed = WordList("words", index, pages)
    for word in (b"a1", b"d"):
        assert refusal(lambda word=word: listed.find(word)) == "page 0 has words that do not ascend"


def test_a_page_has_its_words() -> None:
    words = many_words(40)
    _, pages = sections(words)
    page = Page("page 0", words[0], 40, pages)
    assert page.words().each() == words
    assert [page.word(number) for number in range(40)] == words
