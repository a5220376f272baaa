"""Bit packing: rows of bits, rows of small symbols, and the stream without gaps in which they are stored.

Two layouts of the same rows, both with the most significant bit first (``numpy.packbits`` order):

*loose*   uint8, shape (n, ceil(width / 8)): every row starts on a byte; spare low bits of the last byte are 0.
          What compressors produce and consume.
*stream*  uint8, shape (ceil(n * width / 8),): row ``i`` is bits ``i * width`` to ``(i + 1) * width`` with no gap.
          What is stored: 25-bit rows take 3.125 bytes, not 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.threads import CHUNK_ROWS

RowIds = NDArray[np.int64]
BytesArray = NDArray[np.uint8]


def row_bytes(width: int) -> int:
    """Bytes that one loose row of ``width`` bits takes."""
    return (width + 7) // 8


def stream_bytes(n_rows: int, width: int) -> int:
    """Bytes that a stream of ``n_rows`` rows of ``width`` bits takes."""
    return (n_rows * width + 7) // 8


def pack(bits: NDArray[np.bool_] | BytesArray) -> BytesArray:
    """Pack (n, width) truth values into loose rows, uint8 (n, ceil(width / 8))."""
    return np.packbits(bits, axis=1)


def unpack(loose: BytesArray, width: int) -> BytesArray:
    """Undo :func:`pack`: uint8 zeros and ones, shape (n, width)."""
    return np.unpackbits(loose, axis=1, count=width)


def first_bits(loose: BytesArray, width: int) -> BytesArray:
    """Return the first ``width`` bits of loose rows as loose rows; no copy where they are whole bytes."""
    kept = loose[:, : row_bytes(width)]
    if width % 8:
        kept = kept.copy()
        kept[:, -1] &= (0xFF << (8 - width % 8)) & 0xFF
    return kept


def pack_symbols(symbols: NDArray[np.integer], symbol_bits: int) -> BytesArray:
    """Pack (n, m) symbols below ``2 ** symbol_bits`` into loose rows of ``m * symbol_bits`` bits."""
    n_rows, n_symbols = symbols.shape
    out = np.empty((n_rows, row_bytes(n_symbols * symbol_bits)), dtype=np.uint8)
    shifts = np.arange(symbol_bits - 1, -1, -1, dtype=np.uint32)
    for start in range(0, n_rows, CHUNK_ROWS):
        block = symbols[start : start + CHUNK_ROWS].astype(np.uint32)
        bits = ((block[:, :, None] >> shifts) & 1).astype(np.uint8)
        out[start : start + len(block)] = pack(bits.reshape(len(block), -1))
    return out


def unpack_symbols(loose: BytesArray, n_symbols: int, symbol_bits: int) -> NDArray[np.uint32]:
    """Undo :func:`pack_symbols`: uint32, shape (n, n_symbols)."""
    out = np.zeros((len(loose), n_symbols), dtype=np.uint32)
    for start in range(0, len(loose), CHUNK_ROWS):
        block = loose[start : start + CHUNK_ROWS]
        bits = unpack(block, n_symbols * symbol_bits).reshape(len(block), n_symbols, symbol_bits)
        for bit in range(symbol_bits):
            out[start : start + len(block)] |= bits[:, :, bit].astype(np.uint32) << np.uint32(symbol_bits - 1 - bit)
    return out


def tighten(loose: BytesArray, width: int) -> BytesArray:
    """Turn loose rows into a stream."""
    if width % 8 == 0:
        return loose.reshape(-1)
    out = np.empty(stream_bytes(len(loose), width), dtype=np.uint8)
    for start in range(0, len(loose), CHUNK_ROWS):
        packed = np.packbits(unpack(loose[start : start + CHUNK_ROWS], width).reshape(-1))
        first = start * width // 8
        out[first : first + len(packed)] = packed
    return out


def loosen(stream: BytesArray, width: int, start: int, stop: int) -> BytesArray:
    """Return rows ``start`` to ``stop`` of a stream as loose rows; no copy when ``width`` is whole bytes."""
    if width % 8 == 0:
        n_bytes = width // 8
        return stream[start * n_bytes : stop * n_bytes].reshape(stop - start, n_bytes)
    out = np.empty((stop - start, row_bytes(width)), dtype=np.uint8)
    for first in range(start, stop, CHUNK_ROWS):
        rows = np.arange(first, min(first + CHUNK_ROWS, stop))
        out[first - start :][: len(rows)] = take(stream, width, rows)
    return out


def as_stream(loose: BytesArray) -> tuple[BytesArray, int, RowIds]:
    """Return loose rows as a stream, the width of its rows, and the numbers of all rows."""
    flat = np.ascontiguousarray(loose).reshape(-1)
    return flat, 8 * loose.shape[1], np.arange(len(loose), dtype=np.int64)


def take(stream: BytesArray, width: int, rows: NDArray[np.int64]) -> BytesArray:
    """Return the given rows of a stream, in that order, as loose rows. Reads no other row.

    ``rows`` are int64 from 0 to n − 1, shape (k,).
    """
    n_bytes = row_bytes(width)
    if width == 0:
        return np.zeros((len(rows), 0), dtype=np.uint8)
    if kernels.native is not None:
        out = np.empty((len(rows), n_bytes), dtype=np.uint8)
        kernels.native.take(stream, np.ascontiguousarray(rows, dtype=np.int64), out, (len(rows), width))
        return out
    if width % 8 == 0:
        whole: BytesArray = stream.reshape(-1, n_bytes)[rows]
        return whole
    begin = rows * width
    window = (begin >> 3)[:, None] + np.arange(n_bytes + 1)
    np.minimum(window, len(stream) - 1, out=window)  # the byte after the last row is shifted out again
    taken = stream[window].astype(np.uint16)
    pairs = (taken[:, :-1] << 8) | taken[:, 1:]
    loose: BytesArray = (pairs >> (8 - (begin & 7)).astype(np.uint16)[:, None]).astype(np.uint8)
    loose[:, -1] &= (0xFF << (8 - width % 8)) & 0xFF
    return loose


def pack_fields(fields: Sequence[tuple[NDArray[np.unsignedinteger], int]], n_rows: int) -> BytesArray:
    """Pack rows made of fields into loose rows: for each field all its symbols, then the next field.

    Args:
        fields: symbols, shape (n_rows, m), and the bits of each, at most 16.
        n_rows: rows; there may be no fields.
    """
    width = sum(symbols.shape[1] * symbol_bits for symbols, symbol_bits in fields)
    bits = np.empty((n_rows, width), dtype=np.uint8)
    start = 0
    for symbols, symbol_bits in fields:
        stop = start + symbols.shape[1] * symbol_bits
        shifts = np.arange(symbol_bits - 1, -1, -1, dtype=symbols.dtype)
        bits[:, start:stop] = ((symbols[:, :, None] >> shifts) & symbols.dtype.type(1)).reshape(n_rows, stop - start)
        start = stop
    return pack(bits)
