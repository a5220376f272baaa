"""Write an :class:`EncodedEmbedding` as one ``.embc`` file."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embcomp import __version__
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
from embcomp.encoded import EncodedEmbedding
from embcomp.files import replacing


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
    header = _header(encoded, arrays)
    file.write(preamble(header))
    file.write(header)
    position = len(preamble(header)) + len(header)
    for _, array in arrays:
        file.write(bytes(aligned(position) - position))
        file.write(array.data)
        position = aligned(position) + array.nbytes


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


def _header(encoded: EncodedEmbedding, arrays: list[tuple[str, NDArray[Any]]]) -> bytes:
    """The header JSON. Section offsets depend on its length and it on their digits, so it is grown to a fixpoint."""
    layout = encoded.compressor.layout
    checksums = [zlib.crc32(array.data) for _, array in arrays]
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
