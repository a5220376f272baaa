"""Open an ``.embc`` file: mapped into memory, checked against its own length, decoded on demand."""

from __future__ import annotations

import mmap
import os
import zlib
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import stream_bytes
from embcomp.compressors.base import CodeLayout, Compressor
from embcomp.compressors.registry import compressor_class
from embcomp.container.layout import (
    CODES,
    FORMAT_VERSION,
    ORDER,
    PREAMBLE,
    STATE_PREFIX,
    VOCABULARY,
    Section,
    aligned,
    read_header,
    read_sections,
)
from embcomp.container.trie import check_trie
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import (
    CorruptError,
    InputError,
    NewerVersionError,
    ParameterError,
    TruncatedError,
)
from embcomp.vocabulary import Vocabulary, rank_bits

MAX_SYMBOL_BITS = 32


class Container:
    """The parts of one file, validated: header document, sections, and views of their bytes.

    Opening reads the header only and checks every extent against the file's length. Section data are mapped, not
    read, and checked when asked for with ``checked=True``.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = Path(path).name
        self._buffer = _map(Path(path))
        self.file_bytes = len(self._buffer)
        self.header, end = read_header(self.name, self._buffer, self.file_bytes)
        self.sections = read_sections(self.name, self.header, end, self.file_bytes)
        self.header_end = end
        self.rows = self._count("rows", low=0)
        self.dim = self._count("dim", low=1)
        self.layout = self._layout()
        self.producer = self._producer()
        self._check_parts()

    def data(self, name: str, *, checked: bool) -> memoryview:
        """Return the bytes of a section; with ``checked``, after comparing its checksum."""
        section = self.sections[name]
        view = self._buffer[section.offset : section.offset + section.length]
        if checked and zlib.crc32(view) != section.crc32:
            raise CorruptError(f"{self.name}: the checksum of section {name!r} does not match")
        return view

    def array(self, name: str, *, checked: bool) -> NDArray[Any]:
        """Return a section as a read-only array over the mapped file."""
        section = self.sections[name]
        flat = np.frombuffer(self.data(name, checked=checked), dtype=section.dtype)
        return flat.reshape(section.shape)

    def problems(self) -> list[str]:
        """Check every byte of the file; return what is wrong, nothing if it is whole."""
        found = []
        end = self.header_end
        for section in self.sections.values():
            if any(self._buffer[end : section.offset]):
                found.append(f"{self.name}: the padding before section {section.name!r} is not zero")
            end = section.offset + section.length
            try:
                self.data(section.name, checked=True)
            except CorruptError as error:
                found.append(str(error))
        return found or self._problems_of_content()

    def open(self) -> EncodedEmbedding:
        """Build the embedding: vocabulary and state are checked now, the order when it is wanted, codes not."""
        return EncodedEmbedding(
            vocabulary=self._vocabulary(),
            stream=self.array(CODES, checked=False),
            compressor=self._compressor(),
            source=self._source(),
            report=self._mapping("report"),
        )

    def _problems_of_content(self) -> list[str]:
        try:
            check_trie(self.data(VOCABULARY, checked=True))  # before native code walks in it
        except CorruptError as error:
            return [f"{self.name}: {error}"]
        try:
            encoded = self.open()
        except CorruptError as error:
            return [str(error)]
        try:
            _check_words(encoded.vocabulary)
            if self.layout.kind == "indexed":  # symbols need not be powers of two
                encoded.mean_vector()
        except CorruptError as error:
            return [f"{self.name}: {error}"]
        spare = -(self.rows * self.layout.row_bits) % 8
        if len(encoded.stream) and int(encoded.stream[-1]) & ((1 << spare) - 1):
            return [f"{self.name}: the spare bits after the last code are not zero"]
        return []

    def _vocabulary(self) -> Vocabulary:
        trie = self.data(VOCABULARY, checked=True)
        packed_order = partial(self.array, ORDER, checked=True) if ORDER in self.sections else None
        try:
            return Vocabulary.from_buffers(trie, self.rows, packed_order)
        except CorruptError as error:
            raise CorruptError(f"{self.name}: {error}") from error

    def _compressor(self) -> Compressor:
        method = self.header.get("method")
        try:
            kind = compressor_class(str(method))
        except ParameterError as error:
            raise NewerVersionError(f"{self.name}: method {method!r} is not known to this installation") from error
        try:
            compressor = kind.from_config(self._mapping("config"))
        except (ParameterError, TypeError) as error:
            raise CorruptError(f"{self.name}: the stored options are refused: {error}") from error
        state = {
            name.removeprefix(STATE_PREFIX): self.array(name, checked=True)
            for name in self.sections
            if name.startswith(STATE_PREFIX)
        }
        try:
            compressor.set_state(state)
        except CorruptError as error:
            raise CorruptError(f"{self.name}: {error}") from error
        if compressor.layout != self.layout or compressor.dim != self.dim:
            raise CorruptError(
                f"{self.name}: the header says {self.layout} and {self.dim} dimensions, "
                f"the state {compressor.layout} and {compressor.dim}"
            )
        if compressor.n_rows not in (None, self.rows):
            raise CorruptError(f"{self.name}: the state is for {compressor.n_rows} rows, the header says {self.rows}")
        return compressor

    def _source(self) -> Source:
        stored = self._mapping("source")
        known = {f.name: stored[f.name] for f in fields(Source) if f.name in stored}
        for name, value in known.items():
            if type(value) is not type(getattr(Source, name)):  # the type of its default
                raise CorruptError(f"{self.name}: header field 'source' has {name!r} of {value!r}")
        return Source(**known)

    def _producer(self) -> dict[str, Any]:
        producer = self._mapping("producer")
        if not isinstance(producer.get("version"), str):
            raise CorruptError(f"{self.name}: header field 'producer' must have a 'version', got {producer!r}")
        return producer

    def _layout(self) -> CodeLayout:
        code = self._mapping("code")
        kind: Any
        symbols: Any
        width: Any
        kind, symbols, width = code.get("kind"), code.get("symbols"), code.get("symbol_bits")
        known = kind in ("binary", "indexed", "none") and type(symbols) is int and type(width) is int
        if not known or symbols < 0 or not 0 <= width <= MAX_SYMBOL_BITS:
            raise CorruptError(f"{self.name}: header field 'code' is malformed: {code!r}")
        return CodeLayout(kind, symbols, width)

    def _check_parts(self) -> None:
        """Required sections are there, have the lengths that the header's numbers imply, and none is unknown."""
        lengths = {
            VOCABULARY: None,
            CODES: stream_bytes(self.rows, self.layout.row_bits),
            ORDER: stream_bytes(self.rows, rank_bits(self.rows)),
        }
        for name in (VOCABULARY, CODES):
            if name not in self.sections:
                raise CorruptError(f"{self.name}: section {name!r} is missing")
        for section in self.sections.values():
            if section.name in lengths:
                self._check_bytes_section(section, lengths[section.name])
            elif section.required and not section.name.startswith(STATE_PREFIX):
                raise NewerVersionError(
                    f"{self.name}: required section {section.name!r} is not known to this release; update embcomp"
                )

    def _check_bytes_section(self, section: Section, length: int | None) -> None:
        if section.dtype != "|u1" or len(section.shape) != 1:
            raise CorruptError(f"{self.name}: section {section.name!r} must be bytes in one dimension")
        if length is not None and section.length != length:
            raise CorruptError(
                f"{self.name}: section {section.name!r} must be {length} bytes for {self.rows} rows, "
                f"got {section.length}"
            )

    def _count(self, field: str, low: int) -> int:
        value = self.header.get(field)
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise CorruptError(
                f"{self.name}: header field {field!r} must be an integer of at least {low}, got {value!r}"
            )
        return value

    def _mapping(self, field: str) -> dict[str, Any]:
        value = self.header.get(field, {})
        if not isinstance(value, dict):
            raise CorruptError(f"{self.name}: header field {field!r} must be an object, got {value!r}")
        return value


def _check_words(vocabulary: Vocabulary) -> None:
    """Every row has a word, under which it is found again, and one place in the order."""
    for row in range(len(vocabulary)):
        if vocabulary.find(vocabulary.word(row)) != row:
            raise CorruptError(f"section 'vocabulary' does not find the word of row {row} again")
    _ = vocabulary.rows_by_rank


def open_container(path: str | Path) -> EncodedEmbedding:
    """Open an ``.embc`` file for reading; its codes stay on disk, mapped.

    Raises:
        InputError: there is no such file, or it cannot be read.
        ContainerError: it is refused; the subclass says why.
    """
    return Container(path).open()


def describe(path: str | Path, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
    """Say what is inside a container: the document of ``embcomp info --json``.

    ``vocabulary`` is the file's own, where it is at hand: its words need not be gone through again.
    """
    container = Container(path)
    encoded = container.open()
    needed = {STATE_PREFIX + name for name in encoded.compressor.decode_state} | {CODES}
    sizes = {name: section.length for name, section in container.sections.items()}
    states = {name: size for name, size in sizes.items() if name.startswith(STATE_PREFIX)}
    utf8_bytes = (vocabulary or encoded.vocabulary).utf8_bytes()
    floats, words = original_bytes(container.rows, utf8_bytes, container.dim)
    vectors_only = sum(size for name, size in sizes.items() if name in needed)
    return {
        "format_version": FORMAT_VERSION,
        "producer": container.producer,
        "method": encoded.compressor.name,
        "config": encoded.compressor.get_config(),
        "rows": container.rows,
        "dim": container.dim,
        "bits_per_vector": container.layout.row_bits,
        "bytes": {
            "file": container.file_bytes,
            "codes": sizes[CODES],
            "vocabulary": sizes[VOCABULARY],
            "order": sizes.get(ORDER, 0),
            "state": sum(states.values()),
            "decode_state": vectors_only - sizes[CODES],
            "header": aligned(container.header_end),
        },
        "ratio": {
            "vectors": _ratio(floats, vectors_only),
            "file": _ratio(floats + words, container.file_bytes),
        },
        "source": encoded.source.to_json(),
        "report": encoded.report,
    }


def original_bytes(n_words: int, utf8_bytes: int, dim: int) -> tuple[int, int]:
    """The smallest honest original: bytes of a float32 matrix, and of the words with one byte more each."""
    return 4 * n_words * dim, utf8_bytes + n_words


def verify(path: str | Path) -> list[str]:
    """Check every byte of a file; return the problems found, an empty list if there are none.

    A file without problems is safe to open even if a stranger made it; see SECURITY.md.

    Raises:
        InputError: there is no such file, or it cannot be read.
        NotAContainerError, NewerVersionError: there is nothing that this release could check.
    """
    try:
        return Container(path).problems()
    except (TruncatedError, CorruptError) as error:
        return [str(error)]


def _ratio(original: int, compressed: int) -> float:
    return round(original / max(1, compressed), 3)


def _map(path: Path) -> memoryview:
    try:
        with path.open("rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size < PREAMBLE.size:
                return memoryview(file.read(PREAMBLE.size))  # a device has a length of 0 and may have no end
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
