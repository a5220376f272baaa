"""A trie that passes the check can be walked by native code without leaving its bytes, whoever made it."""

from __future__ import annotations

import os
import random
import struct

import marisa_trie
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.container import trie as trie_module
from embcomp.container.trie import MAX_KEY_BYTES, check_trie
from embcomp.errors import CorruptError

WORD_LISTS = {
    "none": [],
    "the empty word": [""],
    "one": ["a"],
    "numbers": [f"word{number}" for number in range(300)],
    "shared ends": ["nation", "national", "international", "", "ab", *("q" + "x" * n for n in range(30))],
    "more than a block of bits": [f"{number * 7919 % 100_003:x}" for number in range(3000)],
    "many links": [f"{number * 7919 % 100_003:x}-{number * 104_729 % 99_991:x}" for number in range(3000)],
    "long": ["x" * 3000, "y" * 5000 + "x" * 3000],
}


def stored(words: list[str]) -> bytes:
    data: bytes = marisa_trie.Trie(words).tobytes()
    return data


def refusal(data: bytes) -> str:
    with pytest.raises(CorruptError) as caught:
        check_trie(memoryview(data))
    return str(caught.value)


@pytest.mark.parametrize("words", WORD_LISTS.values(), ids=WORD_LISTS)
def test_what_the_library_writes_is_sound(words: list[str]) -> None:
    check_trie(memoryview(stored(words)))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9), max_size=60))
def test_whatever_the_library_writes_is_sound(words: list[str]) -> None:
    check_trie(memoryview(stored(words)))


def test_truncations_are_found() -> None:
    data = stored(["nation", "national", "international"])
    for length in [*range(200), *range(200, len(data), 11), len(data) - 1]:
        assert refusal(data[:length]).startswith("section 'vocabulary' is not a")
    assert refusal(data + b"\0") == "section 'vocabulary' is not a sound MARISA trie: something follows the trie"


def walk(data: bytes, words: list[str]) -> None:
    """Look up and restore everything, in a process of its own: exit code 0, or the signal that ended it."""
    trie = marisa_trie.Trie()
    try:
        trie.map(data)
    except RuntimeError:
        return
    for row in range(len(trie)):
        try:
            trie.restore_key(row)
        except UnicodeDecodeError:
            continue
    for word in words:
        for key in (word, word + "zz", word[:-1]):
            trie.get(key, -1)


def status_of_walk(data: bytes, words: list[str]) -> int:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            walk(data, words)
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(process, 0)[1]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_damage_that_passes_the_check_does_no_harm() -> None:
    """Without the check, one in five of these ends the process (a segmentation fault)."""
    rng = random.Random(1)
    n_refused = n_walked = 0
    for words in (WORD_LISTS["numbers"], WORD_LISTS["shared ends"], WORD_LISTS["more than a block of bits"]):
        whole = stored(words)
        for _ in range(120):
            data = bytearray(whole)
            for _ in range(rng.choice([1, 1, 2, 4])):
                data[rng.randrange(16, len(data))] ^= 1 << rng.randrange(8)
            try:
                check_trie(memoryview(bytes(data)))
            except CorruptError:
                n_refused += 1
                continue
            n_walked += 1
            assert status_of_walk(bytes(data), words) == 0
    assert n_refused > 100
    assert n_walked > 10


def changed(data: bytes, at: int, layout: str, value: int) -> bytes:
    damaged = bytearray(data)
    struct.pack_into(layout, damaged, at, value)
    return bytes(damaged)


EXAMPLE = stored(["king", "queen", "the"])  # docs/format.md has its bytes


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (changed(EXAMPLE, 16, "<Q", 2**63), "it goes past its end"),
        (changed(EXAMPLE, 16, "<Q", 7), "a vector has a wrong size"),
        (changed(EXAMPLE, 32, "<I", 65), "louds bits have a wrong size"),
        (changed(EXAMPLE, 32, "<I", 11), "the index of louds bits is wrong"),
        (changed(EXAMPLE, 24, "<Q", 0x1E), "the index of louds bits is wrong"),
        (changed(EXAMPLE, 24, "<Q", 0x41D), "louds bits go on past their end"),
        (changed(EXAMPLE, 36, "<I", 5), "the index of louds bits is wrong"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, problem: str) -> None:
    assert refusal(data) == f"section 'vocabulary' is not a sound MARISA trie: {problem}"


def test_another_file() -> None:
    assert refusal(b"We love Pickles.") == "section 'vocabulary' is not a MARISA trie: wrong magic bytes"


def vector(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data + bytes(-len(data) % 8)


def bit_vector(bits: str, *, select0: bool, select1: bool) -> bytes:
    """A bit vector of at most 64 bits, with its indexes."""
    if not bits:
        return vector(b"") + struct.pack("<II", 0, 0) + 3 * vector(b"")
    n_ones = bits.count("1")
    low = n_ones | n_ones << 7 | n_ones << 15 | n_ones << 23
    high = n_ones | n_ones << 9 | n_ones << 18
    ranks = struct.pack("<6I", 0, low, high, n_ones, 0, 0)
    selects = [
        struct.pack(f"<{1 + (bit in bits)}I", *([bits.index(bit)] if bit in bits else []), len(bits)) for bit in "01"
    ]
    return (
        vector(struct.pack("<Q", int(bits[::-1], 2)))
        + struct.pack("<II", len(bits), n_ones)
        + vector(ranks)
        + vector(selects[0] if select0 else b"")
        + vector(selects[1] if select1 else b"")
    )


EMPTY = (0xFFFFFFFF, 0xFFFFFFFF, 0)


def chain(
    n_nodes: int,
    link: int | None,
    tail: bytes,
    inner: bytes,
    *,
    first: bool,
    cache: tuple[int, ...] = EMPTY,
    n_below_root: int = 1,
    louds: str | None = None,
    links: str | None = None,
) -> bytes:
    """A level whose nodes hang one below the other, each labelled ``link`` (or a byte)."""
    louds = louds or "10" + "10" * (n_nodes - 1) + "00"
    links = links or "0" + ("0" if link is None else "1") * (n_nodes - 1)
    extras = [] if link is None else [link >> 8] * (n_nodes - 1)
    width = max(extras, default=0).bit_length()
    packed = sum(extra << (width * place) for place, extra in enumerate(extras))
    n_words = -(-width * len(extras) // 64) if width else min(1, len(extras))
    return (
        bit_vector(louds, select0=first, select1=True)
        + bit_vector("0" * (n_nodes - 1) + "10" if first else "", select0=False, select1=first)
        + bit_vector(links, select0=False, select1=False)
        + vector(bytes([0] + [ord("a") if link is None else link & 255] * (n_nodes - 1)))
        + vector(packed.to_bytes(8 * n_words, "little"))
        + struct.pack("<IIQ", width, (1 << width) - 1, len(extras))
        + vector(tail)
        + bit_vector("", select0=False, select1=False)
        + inner
        + vector(struct.pack(f"<{len(cache)}I", *cache))
        + struct.pack("<II", n_below_root, 0x21001)
    )


def nested(n_levels: int, n_nodes: int) -> bytes:
    """A trie of one key, whose labels are links to the longest label of the next level, and so on."""
    data = chain(n_nodes, 0, b"ab\0", b"", first=n_levels == 1)
    for level in range(n_levels - 1):
        data = chain(n_nodes, n_nodes - 1, b"", data, first=level == n_levels - 2)
    return b"We love Marisa.\0" + data


def test_a_small_trie_of_a_long_key_is_sound() -> None:
    data = nested(3, 10)
    check_trie(memoryview(data))
    trie = marisa_trie.Trie()
    trie.map(data)
    assert trie.restore_key(0) == "ab" * 9**3


def test_a_small_trie_of_a_key_without_bound_is_refused() -> None:
    """10 levels of 30 nodes are 10 kB and describe a key of 10¹⁴ bytes."""
    message = (
        f"section 'vocabulary' is not a sound MARISA trie: it describes a key of more than {MAX_KEY_BYTES} bytes"
    )
    assert refusal(nested(10, 30)) == message


@pytest.mark.parametrize("name", ["numbers", "shared ends", "long"])
def test_the_longest_key_is_measured_to_the_byte(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, longest = stored(WORD_LISTS[name]), max(map(len, WORD_LISTS[name]))
    monkeypatch.setattr(trie_module, "MAX_KEY_BYTES", longest)
    check_trie(memoryview(data))
    monkeypatch.setattr(trie_module, "MAX_KEY_BYTES", longest - 1)
    assert refusal(data).endswith(f"it describes a key of more than {longest - 1} bytes")


def test_levels_without_end_are_refused() -> None:
    assert refusal(nested(128, 2)) == "section 'vocabulary' has more than 127 levels"
    check_trie(memoryview(nested(127, 2)))


@pytest.mark.parametrize(
    ("link", "tail", "problem"),
    [
        (3, b"ab\0", "a link leaves the tail"),
        (0, b"ab", "its tail has no end"),
        (2**33, b"ab\0", "a link leaves the tail"),
    ],
)
def test_links_into_the_tail(link: int, tail: bytes, problem: str) -> None:
    data = b"We love Marisa.\0" + chain(3, link, tail, b"", first=True)
    assert refusal(data) == f"section 'vocabulary' is not a sound MARISA trie: {problem}"


@pytest.mark.parametrize("link", [0, 3])
def test_links_into_the_next_level(link: int) -> None:
    inner = chain(3, None, b"", b"", first=False)
    data = b"We love Marisa.\0" + chain(3, link, b"", inner, first=True)
    assert refusal(data) == "section 'vocabulary' is not a sound MARISA trie: a link leaves the next level"


@pytest.mark.parametrize(
    ("cache", "problem"),
    [
        ((), "a cache has a wrong size"),
        ((*EMPTY, 0), "a cache has a wrong size"),
        (EMPTY * 3, "a cache has a wrong size"),
        (EMPTY + EMPTY[:2], "a cache has a wrong size"),
        ((0, 0, 0xFFFFFF61), "a cache leaves its level"),
        ((0, 3, 0xFFFFFF61), "a cache leaves its level"),
        ((0xFFFFFFFF, 1, 0xFFFFFF61), "a cache contradicts its level"),
        ((0, 0xFFFFFFFF, 0), "a cache leaves its level"),
        ((1, 1, 0xFFFFFF61), "a cache contradicts its level"),
        ((0, 2, 0xFFFFFF61), "a cache contradicts its level"),
        ((0, 1, 0xFFFFFF62), "a cache contradicts its labels"),
        ((0, 1, 0x61), "a cache contradicts its labels"),
    ],
)
def test_caches_that_are_wrong(cache: tuple[int, ...], problem: str) -> None:
    data = b"We love Marisa.\0" + chain(3, None, b"", b"", first=True, cache=cache)
    assert refusal(data) == f"section 'vocabulary' is not a sound MARISA trie: {problem}"


@pytest.mark.parametrize("cache", [EMPTY, EMPTY * 4, (0, 1, 0xFFFFFF61), (*EMPTY, 1, 2, 0xFFFFFF61)])
def test_caches_that_are_right(cache: tuple[int, ...]) -> None:
    check_trie(memoryview(b"We love Marisa.\0" + chain(3, None, b"", b"", first=True, cache=cache)))


def test_a_cache_of_links() -> None:
    right = chain(3, 1, b"xab\0", b"", first=True, cache=(0, 1, 1))
    check_trie(memoryview(b"We love Marisa.\0" + right))
    wrong = chain(3, 1, b"xab\0", b"", first=True, cache=(0, 1, 2))
    assert refusal(b"We love Marisa.\0" + wrong).endswith("a cache contradicts its labels")


@pytest.mark.parametrize("count", [0, 2])
def test_a_wrong_count_below_the_root(count: int) -> None:
    data = b"We love Marisa.\0" + chain(3, None, b"", b"", first=True, n_below_root=count)
    assert refusal(data).endswith("a count of nodes below the root is wrong")


@pytest.mark.parametrize(
    ("louds", "problem"),
    [
        ("01101000", "its shape has a wrong size"),
        ("1010100", "its shape has a wrong size"),
        ("101010000", "its shape has a wrong size"),
        ("00000000", "its shape has a wrong size"),
        ("11010000", "its shape is no tree"),
        ("10001100", "its shape is no tree"),
        ("10011000", "its shape is no tree"),  # node 1 is its own parent
    ],
)
def test_shapes_that_are_no_tree(louds: str, problem: str) -> None:
    data = b"We love Marisa.\0" + chain(3, None, b"", b"", first=True, louds=louds)
    assert refusal(data) == f"section 'vocabulary' is not a sound MARISA trie: {problem}"


@pytest.mark.parametrize("links", ["00", "0000", "100"])
def test_flags_of_links_that_do_not_fit(links: str) -> None:
    data = b"We love Marisa.\0" + chain(3, None, b"", b"", first=True, links=links)
    assert refusal(data).endswith("link flags do not fit its nodes")
