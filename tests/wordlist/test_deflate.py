"""Streams that any inflate reads, and that are the same everywhere."""

from __future__ import annotations

import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.wordlist.deflate import MAX_LENGTH_BITS, code_lengths, deflate, inflate

runs_of_bytes = st.lists(st.binary(max_size=400) | st.text("ab", max_size=600).map(str.encode), max_size=4)


@given(runs_of_bytes)
@example([])
@example([b""])
@example([b"", b"a", b""])
@example([b"a"])
@example([bytes(range(256)) * 3])
@example([bytes(70_000)])
@example([np.random.default_rng(0).bytes(140_000)])
@example([b"".join(bytes([symbol]) * int(1.6**symbol) for symbol in range(24))])  # deeper than 15 bits
def test_what_is_deflated_comes_back(runs: list[bytes]) -> None:
    content = b"".join(runs)
    stream = deflate(runs)
    assert zlib.decompress(stream) == content
    assert inflate(stream, len(content)) == content


@st.composite
def skewed(draw: st.DrawFn) -> bytes:
    """Bytes some of which are much more frequent than others."""
    powers = draw(st.lists(st.integers(-1, 17), max_size=60))
    return b"".join(bytes([symbol]) * int(1.6**power) for symbol, power in enumerate(powers))


@given(runs_of_bytes | st.lists(skewed(), max_size=3))
@example([b"".join(bytes([symbol]) * int(1.6**symbol) for symbol in range(24))])
@example([bytes(range(256)), bytes(range(0, 256, 3)) * 50, b"\xff" * 100])
def test_the_kernel_makes_the_same_stream(runs: list[bytes]) -> None:
    made = deflate(runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "native", None)
        assert deflate(runs) == made


def test_the_kernel_refuses_what_does_not_fit() -> None:
    if kernels.native is not None:
        out = np.zeros(2 * 5 + 1024, dtype=np.uint8)
        assert kernels.native.literals(b"aaaab", out, (0, 1)) > 0
        for run, at in [(b"aaaabb", 0), (b"aaaab", 8), (b"aaaab", -1)]:
            with pytest.raises(ValueError, match=r"^a size must be from"):
                kernels.native.literals(run, out, (at, 1))


def test_a_stream_byte_by_byte() -> None:
    """Too short for a code: stored."""
    assert deflate([b"ab", b"c"]) == bytes.fromhex("7801 01 0300 fcff 616263 024d0127")


def test_a_coded_stream_byte_by_byte() -> None:
    """a has a code of 1 bit, b and the end of the block of 2."""
    stream = deflate([b"a" * 40 + b"b" * 12])
    assert stream == bytes.fromhex(
        "7801"
        "05c0 810c 0000 0080 30d6 e70f d1"  # the lengths of the codes
        "00 0000 0000 aa aaaa 06"  # 0 is a, 10 is b, 11 is the end
        "0ac213c1"
    )


def test_each_run_has_a_code_of_its_own() -> None:
    low, high = b"\x00\x01" * 400, b"yz" * 400
    assert len(deflate([low, high])) < len(deflate([low + high])) - 100


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=60).filter(lambda counts: sum(map(bool, counts)) > 1))
def test_codes_are_complete_and_as_short_as_possible(counts: list[int]) -> None:
    lengths = code_lengths(counts, 60)
    assert [length > 0 for length in lengths] == [count > 0 for count in counts]
    assert sum(Fraction(1, 2**length) for length in lengths if length) == 1
    assert sum(count * length for count, length in zip(counts, lengths, strict=True)) == shortest(counts)


def shortest(counts: list[int]) -> int:
    """Bits of Huffman's code: the sum of all that is put together, two at a time, the rarest first."""
    left, total = sorted(count for count in counts if count), 0
    while len(left) > 1:
        together = left[0] + left[1]
        total += together
        left = sorted([together, *left[2:]])
    return total


def test_equal_counts_give_one_code_only() -> None:
    assert code_lengths([3, 3, 3, 0, 3, 3], 15) == [3, 3, 2, 0, 2, 2]


def test_a_code_has_no_more_bits_than_allowed() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert max(code_lengths(fibonacci, 60)) == 29
    limited = code_lengths(fibonacci, MAX_LENGTH_BITS)
    assert max(limited) <= MAX_LENGTH_BITS
    assert sum(Fraction(1, 2**length) for length in limited) == 1


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\x78",
        b"nothing of the kind",
        deflate([b"words"])[:-1],
        deflate([b"words"]) + b"\0",
        deflate([b"words"])[:-1] + b"\0",
        zlib.compress(b"words", wbits=-15),
    ],
)
def test_what_is_no_stream_is_not_inflated(stream: bytes) -> None:
    assert inflate(stream, 1000) is None


def test_nothing_above_the_limit_is_inflated() -> None:
    stream = zlib.compress(bytes(10**7))
    assert len(stream) < 10**4
    assert inflate(stream, 10**7 - 1) is None
    assert inflate(stream, 10**7) == bytes(10**7)
