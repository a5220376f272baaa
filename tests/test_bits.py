"""Packing of bits and symbols, each against the slow and obvious way: strings of '0' and '1'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from embcomp import bits
from tests.kernels.both import kernel

__all__ = ["kernel"]

widths = st.integers(1, 70)


@st.composite
def bit_rows(draw: st.DrawFn) -> np.ndarray:
    shape = (draw(st.integers(0, 12)), draw(widths))
    return draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 1)))


@st.composite
def symbol_rows(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    symbol_bits = draw(st.integers(1, 32))
    shape = (draw(st.integers(0, 6)), draw(st.integers(1, 9)))
    return draw(hnp.arrays(np.uint32, shape, elements=st.integers(0, 2**symbol_bits - 1))), symbol_bits


def text_to_bytes(text: str) -> list[int]:
    """'1' is the highest bit of byte 0; zeros fill the last byte."""
    padded = text + "0" * (-len(text) % 8)
    return [int(padded[at : at + 8], 2) for at in range(0, len(padded), 8)]


def row_texts(rows: np.ndarray) -> list[str]:
    return ["".join(str(bit) for bit in row) for row in rows.tolist()]


def symbol_texts(symbols: np.ndarray, symbol_bits: int) -> list[str]:
    return ["".join(format(symbol, f"0{symbol_bits}b") for symbol in row) for row in symbols.tolist()]


@pytest.mark.parametrize(("width", "expected"), [(0, 0), (1, 1), (7, 1), (8, 1), (9, 2), (100, 13), (128, 16)])
def test_row_bytes(width: int, expected: int) -> None:
    assert bits.row_bytes(width) == expected


@pytest.mark.parametrize(("n_rows", "width", "expected"), [(0, 5, 0), (5, 0, 0), (3, 25, 10), (8, 25, 25), (1, 1, 1)])
def test_stream_bytes(n_rows: int, width: int, expected: int) -> None:
    assert bits.stream_bytes(n_rows, width) == expected


def test_pack_by_hand() -> None:
    rows = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]], dtype=np.uint8)
    assert bits.pack(rows).tolist() == [[0x80, 0xC0], [0x01, 0x40]]


def test_pack_symbols_by_hand() -> None:
    # 101 001 111 -> 1010 0111 1000 0000
    assert bits.pack_symbols(np.array([[5, 1, 7]]), 3).tolist() == [[0xA7, 0x80]]


def test_tighten_by_hand() -> None:
    # rows 101 and 011 and 110 -> 1010 1111 0000 0000
    loose = np.array([[0xA0], [0x60], [0xC0]], dtype=np.uint8)
    assert bits.tighten(loose, 3).tolist() == [0xAF, 0x00]


@given(bit_rows())
def test_pack_is_the_text_of_each_row(rows: np.ndarray) -> None:
    assert bits.pack(rows).tolist() == [text_to_bytes(text) for text in row_texts(rows)]


@given(bit_rows())
def test_unpack_undoes_pack(rows: np.ndarray) -> None:
    unpacked = bits.unpack(bits.pack(rows), rows.shape[1])
    assert unpacked.dtype == np.uint8
    assert unpacked.shape == rows.shape
    assert unpacked.tolist() == rows.tolist()


@given(bit_rows())
def test_tighten_is_the_text_of_all_rows(rows: np.ndarray) -> None:
    stream = bits.tighten(bits.pack(rows), rows.shape[1])
    assert stream.tolist() == text_to_bytes("".join(row_texts(rows)))
    assert len(stream) == bits.stream_bytes(*rows.shape)


@given(bit_rows(), st.data())
def test_loosen_gives_any_range_of_rows(rows: np.ndarray, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    loose = bits.pack(rows)
    width = rows.shape[1]
    assert bits.loosen(bits.tighten(loose, width), width, start, stop).tolist() == loose[start:stop].tolist()


@given(bit_rows(), st.data())
def test_take_gives_any_rows_in_any_order(rows: np.ndarray, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9)) if len(rows) else []
    index = np.array(wanted, dtype=np.int64)
    loose = bits.pack(rows)
    taken = bits.take(bits.tighten(loose, rows.shape[1]), rows.shape[1], index)
    assert taken.dtype == np.uint8
    assert taken.tolist() == loose[index].tolist()


@given(symbol_rows())
def test_pack_symbols_is_the_text_of_each_row(rows: tuple[np.ndarray, int]) -> None:
    symbols, symbol_bits = rows
    expected = [text_to_bytes(text) for text in symbol_texts(symbols, symbol_bits)]
    assert bits.pack_symbols(symbols, symbol_bits).tolist() == expected


@given(symbol_rows())
def test_unpack_symbols_undoes_pack_symbols(rows: tuple[np.ndarray, int]) -> None:
    symbols, symbol_bits = rows
    unpacked = bits.unpack_symbols(bits.pack_symbols(symbols, symbol_bits), symbols.shape[1], symbol_bits)
    assert unpacked.dtype == np.uint32
    assert unpacked.tolist() == symbols.tolist()


@pytest.mark.parametrize("width", [3, 16, 25])
def test_more_rows_than_a_block(width: int) -> None:
    n_rows = 2 * bits.CHUNK_ROWS + 5
    rows = np.random.default_rng(0).integers(0, 2, (n_rows, width), dtype=np.uint8)
    loose = bits.pack(rows)
    stream = bits.tighten(loose, width)
    assert stream.tobytes() == np.packbits(rows.reshape(-1)).tobytes()
    assert np.array_equal(bits.loosen(stream, width, 0, n_rows), loose)
    assert np.array_equal(bits.loosen(stream, width, 8190, 8200), loose[8190:8200])
    assert np.array_equal(bits.loosen(stream, width, 5, n_rows), loose[5:])
    shuffled = np.random.default_rng(1).permutation(n_rows)
    assert np.array_equal(bits.take(stream, width, shuffled), loose[shuffled])
    for row in (0, 1, 5, 6, 7, 8, bits.CHUNK_ROWS, n_rows - 1):
        assert np.array_equal(bits.take(stream, width, np.array([row])), loose[[row]])


def test_more_symbol_rows_than_a_block() -> None:
    symbols = np.random.default_rng(0).integers(0, 2**5, (bits.CHUNK_ROWS + 3, 3))
    assert np.array_equal(bits.unpack_symbols(bits.pack_symbols(symbols, 5), 3, 5), symbols)


def test_loosen_does_not_copy_whole_bytes() -> None:
    stream = np.arange(12, dtype=np.uint8)
    assert np.shares_memory(bits.loosen(stream, 16, 1, 5), stream)


def test_a_width_of_zero() -> None:
    nothing = np.zeros(0, dtype=np.uint8)
    assert bits.pack(np.zeros((3, 0), dtype=np.uint8)).shape == (3, 0)
    assert bits.tighten(np.zeros((3, 0), dtype=np.uint8), 0).shape == (0,)
    assert bits.loosen(nothing, 0, 0, 3).shape == (3, 0)
    assert bits.take(nothing, 0, np.array([0, 2])).shape == (2, 0)


def test_inputs_are_left_alone() -> None:
    rows = np.array([[1, 0, 1], [0, 1, 1]], dtype=np.uint8)
    rows.flags.writeable = False
    loose = bits.pack(rows)
    loose.flags.writeable = False
    stream = bits.tighten(loose, 3)
    stream.flags.writeable = False
    assert bits.loosen(stream, 3, 0, 2).tolist() == loose.tolist()
    assert bits.take(stream, 3, np.array([1])).tolist() == loose[1:].tolist()
