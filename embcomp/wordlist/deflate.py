"""Deflate streams [RFC 1950, RFC 1951] whose bytes depend on their content only.

zlib, zlib-ng and the zlib of browsers write streams that each of them can read, but not the same streams, and Python
uses the one that it was built with. Ours has literals only, and one dynamic Huffman code for each run of bytes. On
front-coded words it is 8 % smaller than zlib's best, which looks for repeated strings and has one code for lengths
and letters together.
"""

from __future__ import annotations

import heapq
import struct
import zlib
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels

ZLIB_HEADER = b"\x78\x01"  # a window of 32 kB; no dictionary
END_OF_BLOCK = 256
MAX_LENGTH_BITS = 15  # of a code for literals
MAX_LENGTH_LENGTH_BITS = 7  # of a code for code lengths
LENGTH_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)  # RFC 1951, 3.2.7
MAX_STORED_BYTES = 65_535  # of one block
MAX_HEADER = 1024  # bytes before the first literal of a block, and some to spare
NODES = 1024  # more than a tree over 257 symbols has

Fields = tuple[NDArray[np.int64], NDArray[np.int64]]  # numbers, and how many bits each takes


def deflate(runs: Sequence[bytes]) -> bytes:
    """Return a zlib stream of the runs, one after the other.

    Runs differ in what they hold, lengths or letters, so that each has a Huffman code of its own. What is too short
    for that to be worth it is stored as it is.
    """
    content = b"".join(runs)
    checksum = zlib.adler32(content).to_bytes(4, "big")
    filled = [run for run in runs if run]
    shorter = min(_stored(content), _coded(filled), key=len) if filled else _stored(content)
    return ZLIB_HEADER + shorter + checksum


def inflate(stream: bytes | memoryview, max_bytes: int) -> bytes | None:
    """Return what a zlib stream holds, or ``None`` if it is broken, is not all of ``stream``, or is above a limit."""
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(stream, max_bytes + 1)
    except zlib.error:
        return None
    return content if decompressor.eof and not decompressor.unused_data and len(content) <= max_bytes else None


def _stored(content: bytes) -> bytes:
    """Blocks without compression."""
    out = bytearray()
    for start in range(0, max(1, len(content)), MAX_STORED_BYTES):
        block = content[start : start + MAX_STORED_BYTES]
        final = start + MAX_STORED_BYTES >= len(content)
        out += struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block
    return bytes(out)


def _coded(runs: Sequence[bytes]) -> bytes:
    """One block with a dynamic Huffman code for each run."""
    if kernels.native is not None:
        out, end = np.zeros(sum(2 * len(run) + MAX_HEADER for run in runs), dtype=np.uint8), 0
        for run in runs:
            end = kernels.native.literals(run, out, (end, run is runs[-1]))
        return out[: (end + 7) // 8].tobytes()
    fields = [_block(run, final=run is runs[-1]) for run in runs]
    return _packed(np.concatenate([numbers for numbers, _ in fields]), np.concatenate([bits for _, bits in fields]))


def _block(run: bytes, *, final: bool) -> Fields:
    symbols = np.append(np.frombuffer(run, dtype=np.uint8), END_OF_BLOCK).astype(np.int64)
    lengths = code_lengths(np.bincount(symbols).tolist(), MAX_LENGTH_BITS)
    head = _block_header(lengths, final=final)
    codes, widths = np.array(_codes(lengths), dtype=np.int64), np.array(lengths, dtype=np.int64)
    numbers = np.concatenate([np.array([number for number, _ in head], dtype=np.int64), codes[symbols]])
    return numbers, np.concatenate([np.array([bits for _, bits in head], dtype=np.int64), widths[symbols]])


def _block_header(lengths: list[int], *, final: bool) -> list[tuple[int, int]]:
    """The fields before the first literal: RFC 1951, 3.2.7. ``lengths`` are those of the literals, 257 of them."""
    symbols = _run_length_coded([*lengths, 0])  # one code for distances, of no bits: there are none
    counts = [0] * len(LENGTH_ORDER)
    for symbol, _, _ in symbols:
        counts[symbol] += 1
    widths = code_lengths(counts, MAX_LENGTH_LENGTH_BITS)
    codes = _codes(widths)
    in_order = [widths[symbol] for symbol in LENGTH_ORDER]
    while len(in_order) > 4 and in_order[-1] == 0:
        in_order.pop()
    fields = [(int(final), 1), (2, 2), (len(lengths) - 257, 5), (0, 5), (len(in_order) - 4, 4)]
    fields += [(width, 3) for width in in_order]
    for symbol, extra, extra_bits in symbols:
        fields += [(codes[symbol], widths[symbol]), (extra, extra_bits)]
    return fields


def _run_length_coded(lengths: list[int]) -> list[tuple[int, int, int]]:
    """Code lengths as symbols from 0 to 18, each with its extra bits and their number."""
    coded: list[tuple[int, int, int]] = []
    for length, group in groupby(lengths):
        left = len(list(group))
        if length:
            coded.append((length, 0, 0))
            left -= 1
        while left >= 3:
            step = min(left, 6 if length else 138)
            if length:
                coded.append((16, step - 3, 2))
            else:
                coded.append((18, step - 11, 7) if step >= 11 else (17, step - 3, 3))
            left -= step
        coded += [(length, 0, 0)] * left
    return coded


def code_lengths(counts: Sequence[int], limit: int) -> list[int]:
    """Return the bits of each symbol's code: a Huffman code [Huffman 1952], 0 for symbols that do not occur.

    Equal counts are ordered by symbol. A code longer than ``limit`` bits is made again from halved counts. A symbol
    that is alone gets one bit.
    """
    while True:
        lengths = _huffman(counts)
        if max(lengths) <= limit:
            return lengths
        counts = [(count + 1) // 2 for count in counts]


def _huffman(counts: Sequence[int]) -> list[int]:
    heap = [count * NODES + symbol for symbol, count in enumerate(counts) if count]
    if len(heap) == 1:
        return [int(count > 0) for count in counts]
    heapq.heapify(heap)
    parents = [0] * len(counts)
    while len(heap) > 1:
        first = heapq.heappop(heap)
        second = heap[0]
        parents[first % NODES] = parents[second % NODES] = len(parents)
        heapq.heapreplace(heap, (first // NODES + second // NODES) * NODES + len(parents))
        parents.append(0)
    depths = [0] * len(parents)
    for node in range(len(parents) - 2, -1, -1):  # the last one is the root
        depths[node] = depths[parents[node]] + 1
    return [depth if count else 0 for depth, count in zip(depths, counts, strict=False)]


def _codes(lengths: Sequence[int]) -> list[int]:
    """The code of each symbol, first bit lowest: RFC 1951, 3.2.2."""
    codes = [0] * len(lengths)
    code = previous = 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        code <<= length - previous
        codes[symbol] = int(format(code, f"0{length}b")[::-1], 2)
        code, previous = code + 1, length
    return codes


def _packed(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> bytes:
    """Numbers as fields of so many bits, lowest bit first, the last byte filled with zeros."""
    place = np.arange(int(widths.sum())) - np.repeat(np.cumsum(widths) - widths, widths)
    return np.packbits((np.repeat(numbers, widths) >> place) & 1, bitorder="little").tobytes()
