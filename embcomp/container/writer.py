"""Write an :class:`EncodedEmbedding` as one ``.embc`` file."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embcomp import __version__
from embcomp.bits import BytesArray, stream_bytes
from embcomp.compressors.base import Compressor
from embcomp.container.layout import (
    CODES,
    ORDER,
    STATE_PREFIX,
    VOCABULARY,
    Section,
    aligned,
    canonical_json,
    preamble,
)
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.files import replacing
from embcomp.vocabulary import Vocabulary


def save(encoded: EncodedEmbedding, path: str | Path, *, force: bool = False, drop_order: bool = False) -> None:
    """Write ``encoded`` to ``path``; ``-`` is standard output. The same embedding gives the same bytes.

    Args:
        encoded: what to write.
        path: the target; it appears whole or not at all.
        force: replace an existing file.
        drop_order: leave out the source's order, 2-3 bytes a word; words then come in the vocabulary's own order,
            and nothing is left that says which words are frequent.

    Raises:
        OutputError: the target exists and ``force`` is not given, or cannot be written.
    """
    if str(path) == "-":
        write(encoded, sys.stdout.buffer, drop_order=drop_order)
        return
    with replacing(Path(path), force=force) as file:
        write(encoded, file, drop_order=drop_order)


def write(encoded: EncodedEmbedding, file: IO[bytes], *, drop_order: bool = False) -> None:
    """Write the container's bytes to an open file, front to back."""
    arrays = _arrays(encoded, drop_order=drop_order)
    header = _header(encoded, arrays, [zlib.crc32(array.data) for _, array in arrays])
    file.write(preamble(header))
    file.write(header)
    position = len(preamble(header)) + len(header)
    for _, array in arrays:
        file.write(bytes(aligned(position) - position))
        file.write(array.data)
        position = aligned(position) + array.nbytes


@contextmanager
def codes_to_come(
    path: Path,
    vocabulary: Vocabulary,
    compressor: Compressor,
    source: Source,
    *,
    force: bool = False,
    drop_order: bool = False,
) -> Iterator[BytesArray]:
    """Write a container whose codes are put into it within the block, in any order.

    The bytes are those that :func:`save` writes. The file takes its name when the block ends well.

    Args:
        path: the target, no standard stream.
        vocabulary: of all words.
        compressor: fitted.
        source: what the words and the codes come from.
        force: replace an existing file.
        drop_order: see :func:`save`.

    Yields:
        the stream of codes, zeros: uint8, mapped from the file.

    Raises:
        OutputError: as :func:`save`.
    """
    with replacing(path, force=force) as file:
        n_bytes = stream_bytes(len(vocabulary), compressor.layout.row_bits)
        blank = np.broadcast_to(np.uint8(0), (n_bytes,))
        encoded = EncodedEmbedding(vocabulary, blank, compressor, source, compressor.report)
        arrays = _arrays(encoded, drop_order=drop_order)
        checksums = [0 if name == CODES else zlib.crc32(array.data) for name, array in arrays]
        header = _header(encoded, arrays, checksums)
        position = len(preamble(header)) + len(header)
        for name, array in arrays:
            position = aligned(position)
            if name == CODES:
                codes_at = position
            else:
                file.seek(position)
                file.write(array.data)
            position += array.nbytes
        file.flush()
        os.posix_fallocate(file.fileno(), 0, position)  # a full disk is noticed here, not when a page is written
        stream = np.memmap(file, np.uint8, "r+", codes_at, n_bytes)
        yield stream
        stream.flush()
        checksums[[name for name, _ in arrays].index(CODES)] = zlib.crc32(stream.data)
        header = _header(encoded, arrays, checksums)
        file.seek(0)
        file.write(preamble(header))
        file.write(header)


def _arrays(encoded: EncodedEmbedding, *, drop_order: bool) -> list[tuple[str, NDArray[Any]]]:
    """The sections' names and contents, in the order of the file."""
    arrays: list[tuple[str, NDArray[Any]]] = [
        (VOCABULARY, np.frombuffer(encoded.vocabulary.trie_bytes, dtype=np.uint8))
    ]
    if encoded.vocabulary.has_order and not drop_order:
        arrays.append((ORDER, encoded.vocabulary.pack_order()))
    arrays.append((CODES, np.asarray(encoded.stream)))
    state = encoded.compressor.get_state()
    return arrays + [(STATE_PREFIX + name, _little_endian(state[name])) for name in sorted(state)]


def _header(encoded: EncodedEmbedding, arrays: list[tuple[str, NDArray[Any]]], checksums: list[int]) -> bytes:
    """The header JSON. Section offsets depend on its length and it on their digits, so it is grown to a fixpoint."""
    layout = encoded.compressor.layout
    document: dict[str, Any] = {
        "producer": {"name": "embcomp", "version": __version__},
        "method": encoded.compressor.name,
        "config": encoded.compressor.get_config(),
        "rows": len(encoded),
        "dim": encoded.dim,
        "bits_per_vector": layout.row_bits,
        "code": {"kind": layout.kind, "symbols": layout.symbols, "symbol_bits": layout.symbol_bits},
        "source": encoded.source.to_json(),
        "report": encoded.report,
    }
    header = b""
    while True:
        end = len(preamble(header)) + len(header)
        sections = []
        for (name, array), crc in zip(arrays, checksums, strict=True):
            start = aligned(end)
            sections.append(
                Section(name, array.dtype.str, array.shape, start, array.nbytes, crc, name != ORDER).to_json()
            )
            end = start + array.nbytes
        grown = canonical_json(document | {"sections": sections})
        if len(grown) == len(header):
            return grown
        header = grown


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
