"""Write an :class:`EncodedEmbedding` as one ``.embc`` file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from itertools import accumulate, chain
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embcomp import __version__
from embcomp.container.layout import (
    CODES,
    INDEX,
    ORDER,
    PAGES,
    STATE_PREFIX,
    TOKENIZER,
    Section,
    aligned,
    canonical_json,
    checksum,
    preamble,
)
from embcomp.encoded import EncodedEmbedding
from embcomp.files import writing
from embcomp.memory import pieces
from embcomp.text.model import pack
from embcomp.vocabulary import Part

Extra = Mapping[str, NDArray[Any]]
"""Optional sections by name, which readers that do not know them skip."""
NOTHING: Extra = MappingProxyType({})


def save(encoded: EncodedEmbedding, path: str | Path, *, force: bool = False) -> None:
    """Write ``encoded`` to ``path``; ``-`` is standard output. The same embedding gives the same bytes.

    The file appears whole or not at all; ``force`` replaces an existing one.

    Raises:
        OutputError: the target exists and ``force`` is not given, or cannot be written.
    """
    with writing(path, force=force) as file:
        write(encoded, file)


def write(encoded: EncodedEmbedding, file: IO[bytes], extra: Extra = NOTHING) -> None:
    """Write the container's bytes to an open file, front to back."""
    arrays = [*_arrays(encoded), *((name, _little_endian(array)) for name, array in extra.items())]
    header = _header(encoded, arrays, {TOKENIZER, *extra})
    file.write(preamble(header))
    file.write(header)
    position = len(preamble(header)) + len(header)
    for _, array in arrays:
        file.write(bytes(aligned(position) - position))
        for piece in pieces(array):
            file.write(piece)
        position = aligned(position) + array.nbytes


def _arrays(encoded: EncodedEmbedding) -> list[tuple[str, NDArray[Any]]]:
    """The sections' names and contents, in the order of the file: what frequent words need comes first."""
    state = encoded.compressor.get_state()
    arrays = [(STATE_PREFIX + name, _little_endian(state[name])) for name in sorted(state)]
    first, *others = [_part(number, part) for number, part in enumerate(encoded.vocabulary.parts)] or [[]]
    codes = [(CODES.format(number), np.asarray(stream)) for number, stream in enumerate(encoded.codes.streams)]
    return [*arrays, *first, *codes, *chain.from_iterable(others), *_tokenizer(encoded)]


def _tokenizer(encoded: EncodedEmbedding) -> list[tuple[str, NDArray[Any]]]:
    if encoded.text is None:
        return []
    return [(TOKENIZER, np.frombuffer(pack(encoded.text.tokenizer, encoded.words), dtype=np.uint8))]


def _part(number: int, part: Part) -> list[tuple[str, NDArray[Any]]]:
    """The sections of a part of the vocabulary."""
    words = [(INDEX, part.words.index), (PAGES, part.words.pages)]
    sections = [(name.format(number), np.frombuffer(data, dtype=np.uint8)) for name, data in words]
    return sections if part.order is None else [*sections, (ORDER.format(number), np.asarray(part.order))]


def _header(encoded: EncodedEmbedding, arrays: list[tuple[str, NDArray[Any]]], optional: Collection[str]) -> bytes:
    """The header JSON. Section offsets depend on its length and it on their digits, so it is grown to a fixpoint."""
    checksums = [checksum(array) for _, array in arrays]
    document: dict[str, Any] = {
        "producer": {"name": "embcomp", "version": __version__},
        "method": encoded.compressor.name,
        "config": encoded.compressor.get_config(),
        "rows": len(encoded),
        "dim": encoded.dim,
        "parts": list(accumulate(map(len, encoded.vocabulary.parts))),
        "bands": [{"end": band.end} | asdict(band.layout) for band in encoded.codes.bands],
        "source": encoded.source.to_json(),
        "report": encoded.report,
    }
    if encoded.text is not None:
        document["text"] = encoded.text.rules.to_json()
    header = b""
    while True:
        end = len(preamble(header)) + len(header)
        sections = []
        for (name, array), crc in zip(arrays, checksums, strict=True):
            start = aligned(end)
            required = name not in optional
            sections.append(Section(name, array.dtype.str, array.shape, start, array.nbytes, crc, required).to_json())
            end = start + array.nbytes
        grown = canonical_json(document | {"sections": sections})
        if len(grown) == len(header):
            return grown
        header = grown


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
