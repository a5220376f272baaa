"""Open an ``.embc`` file: mapped into memory, checked against its own length, decoded on demand."""

from __future__ import annotations

import mmap
import os
import reprlib
import stat
import sys
from dataclasses import fields
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import BytesArray, stream_bytes
from embcomp.codes import Band, Codes, bands_of
from embcomp.compressors.base import MAX_DIM, CodeLayout, Compressor
from embcomp.compressors.registry import compressor_class
from embcomp.container.layout import (
    CODES,
    INDEX,
    MAGIC,
    ORDER,
    PAGES,
    PREAMBLE,
    STATE_PREFIX,
    TOKENIZER,
    Section,
    checksum,
    read_header,
    read_sections,
)
from embcomp.documents import BadDocumentError
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import (
    CorruptError,
    InputError,
    NewerVersionError,
    ParameterError,
    PluginError,
    TruncatedError,
)
from embcomp.files import STDIN
from embcomp.vocabulary import Part, Vocabulary, order_bits
from embcomp.wordlist import WordList

if TYPE_CHECKING:
    from embcomp.formats.compression import Readable
    from embcomp.text.model import TextModel

MAX_SYMBOL_BITS = 32
MAX_LENGTH_BITS = 8
MAX_ROWS = 2**40
COPY_BYTES = 2**20


class Container:
    """The parts of one file, validated: header document, sections, and views of their bytes.

    Opening reads the header only and checks every extent against the file's length. Section data are mapped, not
    read, and checked when asked for with ``checked=True``.
    """

    def __init__(self, path: str | Path, stream: Readable | None = None) -> None:
        self.name = str(path)
        self._buffer = _map(self.name) if stream is None else _copied(stream)
        self.file_bytes = len(self._buffer)
        self.header, end = read_header(self.name, self._buffer, self.file_bytes)
        self.sections = read_sections(self.name, self.header, end, self.file_bytes)
        self.header_end = end
        self.rows = self._count("rows", low=0, high=MAX_ROWS)
        self.dim = self._count("dim", low=1, high=MAX_DIM)
        self.parts = self._parts()
        self.bands = self._bands()
        self.producer = self._producer()
        self._check_sections()

    def data(self, name: str, *, checked: bool) -> memoryview:
        """Return the bytes of a section; with ``checked``, after comparing its checksum."""
        section = self.sections[name]
        view = self._buffer[section.offset : section.offset + section.length]
        if checked and checksum(view) != section.crc32:
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
        """Build the embedding.

        State and the index of the words are checked now; pages of words and the order when they are wanted; codes
        are not.
        """
        streams = [self.array(CODES.format(number), checked=False) for number in range(len(self.bands))]
        vocabulary = self._vocabulary()
        return EncodedEmbedding(
            vocabulary=vocabulary,
            codes=Codes(self.bands, streams),
            compressor=self._compressor(),
            source=self._source(),
            report=self._mapping("report"),
            text=self._text(vocabulary),
        )

    def _text(self, vocabulary: Vocabulary) -> TextModel | None:
        """The tokenizer, to be read when it is wanted, and the rules of a sentence model."""
        if "text" not in self.header:
            if TOKENIZER in self.sections:
                raise CorruptError(f"{self.name}: section {TOKENIZER!r} has no rules: header field 'text' is missing")
            return None
        from embcomp.text.model import TextModel, TextRules

        try:
            rules = TextRules.from_json(self._mapping("text"))
        except BadDocumentError as error:
            raise CorruptError(f"{self.name}: header field 'text': {error}") from error
        return TextModel(rules, partial(self._tokenizer, vocabulary))

    def _tokenizer(self, vocabulary: Vocabulary) -> dict[str, Any]:
        from embcomp.text.model import unpack

        try:
            return unpack(self.data(TOKENIZER, checked=True), vocabulary.first_words)
        except BadDocumentError as error:
            raise CorruptError(f"{self.name}: section {TOKENIZER!r} {error}") from error

    def _problems_of_content(self) -> list[str]:
        try:
            encoded = self.open()
        except CorruptError as error:
            return [str(error)]
        try:
            encoded.vocabulary.check()
            self._check_vectors(encoded)
        except CorruptError as error:
            return [f"{self.name}: {error}"]
        try:
            if encoded.text is not None:
                encoded.text.load()
        except CorruptError as error:
            return [str(error)]
        return [
            f"{self.name}: the spare bits after the last code of section {CODES.format(number)!r} are not zero"
            for number, n_rows in enumerate(_lengths([band.end for band in self.bands]))
            if _spare_bits(encoded.codes.streams[number], n_rows * self.bands[number].layout.row_bits)
        ]

    def _check_vectors(self, encoded: EncodedEmbedding) -> None:
        """Decode every row: finite numbers in the state can give others, and a code may name a symbol too many."""
        offset = encoded.offset
        for start, vectors in encoded.chunks():
            with np.errstate(over="ignore", invalid="ignore"):
                finite = np.isfinite(vectors if offset is None else vectors + offset).all(axis=1)
            if not finite.all():
                raise CorruptError(f"row {start + int(np.argmin(finite))} decodes to numbers that are not finite")

    def _vocabulary(self) -> Vocabulary:
        return Vocabulary([self._part(number, n_words) for number, n_words in enumerate(_lengths(self.parts))])

    def _part(self, number: int, n_words: int) -> Part:
        index, order = self.data(INDEX.format(number), checked=True), ORDER.format(number)
        try:
            words = WordList(f"words.{number}", index, self.data(PAGES.format(number), checked=False))
        except CorruptError as error:
            raise CorruptError(f"{self.name}: {error}") from error
        if len(words) != n_words:
            raise CorruptError(
                f"{self.name}: section {INDEX.format(number)!r} has {len(words)} words, the header says {n_words}"
            )
        return Part(words, partial(self.array, order, checked=True) if order in self.sections else None, order)

    def _compressor(self) -> Compressor:
        method = self.header.get("method")
        try:
            kind = compressor_class(str(method))
        except PluginError as error:
            raise NewerVersionError(f"{self.name}: {error}") from error
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
        bands = bands_of(compressor, self.rows)
        if bands != self.bands or compressor.dim != self.dim:
            raise CorruptError(
                f"{self.name}: the header says {self.bands} and {self.dim} dimensions, "
                f"the state {bands} and {compressor.dim}"
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

    def _parts(self) -> list[int]:
        """Where the parts of the vocabulary end: none if there are no words."""
        ends = self.header.get("parts")
        if not isinstance(ends, list) or not self._cut_rows(ends, least=0):
            raise CorruptError(
                f"{self.name}: header field 'parts' must ascend to {self.rows}, got {reprlib.repr(ends)}"
            )
        return ends

    def _bands(self) -> list[Band]:
        """The bands of the codes: one if there are no words."""
        bands = self.header.get("bands")
        if not isinstance(bands, list) or not all(isinstance(band, dict) for band in bands):
            raise CorruptError(
                f"{self.name}: header field 'bands' must be a list of objects, got {reprlib.repr(bands)}"
            )
        ends = [band.get("end") for band in bands]
        if not self._cut_rows(ends, least=1):
            raise CorruptError(
                f"{self.name}: the 'end' of header field 'bands' must ascend to {self.rows}, got {reprlib.repr(ends)}"
            )
        return [Band(band["end"], self._layout(band)) for band in bands]

    def _cut_rows(self, ends: list[Any], least: int) -> bool:
        """Whether rows are cut there: ``ends`` ascend from above 0 to all rows; for no rows there are ``least``."""
        if not self.rows:
            return ends == [0] * least
        starts = [0, *ends]
        whole = all(type(end) is int for end in ends)
        return whole and starts[-1] == self.rows and all(start < end for start, end in pairwise(starts))

    def _layout(self, band: dict[str, Any]) -> CodeLayout:
        kind: Any = band.get("kind")
        counts: list[Any] = [band.get(name) for name in ("symbols", "symbol_bits", "length_bits")]
        known = kind in ("binary", "indexed", "fields", "none") and all(
            type(count) is int and count >= 0 for count in counts
        )
        if not known or counts[1] > MAX_SYMBOL_BITS or counts[2] > MAX_LENGTH_BITS:
            raise CorruptError(f"{self.name}: header field 'bands' has a malformed code: {band!r}")
        return CodeLayout(kind, *counts)

    def _check_sections(self) -> None:
        """Required sections are there, have the lengths that the header's numbers imply, and none is unknown."""
        lengths: dict[str, int | None] = {}
        for number, n_words in enumerate(_lengths(self.parts)):
            lengths[INDEX.format(number)] = lengths[PAGES.format(number)] = None
            lengths[ORDER.format(number)] = stream_bytes(n_words, order_bits(n_words))
        for number, n_rows in enumerate(_lengths([band.end for band in self.bands])):
            lengths[CODES.format(number)] = stream_bytes(n_rows, self.bands[number].layout.row_bits)
        if TOKENIZER in self.sections or "text" in self.header:
            lengths[TOKENIZER] = None
        for name in lengths:
            if name not in self.sections and not name.startswith("order."):
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
                f"{self.name}: section {section.name!r} must be {length} bytes as the header says, "
                f"got {section.length}"
            )

    def _count(self, field: str, low: int, high: int) -> int:
        value = self.header.get(field)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise CorruptError(
                f"{self.name}: header field {field!r} must be an integer from {low} to {high}, "
                f"got {reprlib.repr(value)}"
            )
        return value

    def _mapping(self, field: str) -> dict[str, Any]:
        value = self.header.get(field, {})
        if not isinstance(value, dict):
            raise CorruptError(f"{self.name}: header field {field!r} must be an object, got {value!r}")
        return value


def _lengths(ends: list[int]) -> list[int]:
    """Rows of each of the ranges that end there."""
    return [end - start for start, end in pairwise([0, *ends])]


def _spare_bits(stream: BytesArray, n_bits: int) -> bool:
    """Whether a bit after the first ``n_bits`` is set."""
    return bool(len(stream) and int(stream[-1]) & ((1 << (-n_bits % 8)) - 1))


def open_container(path: str | Path, stream: Readable | None = None) -> EncodedEmbedding:
    """Open an ``.embc`` file for reading, ``-`` for standard input; its codes stay on disk, mapped.

    ``stream`` has the file's bytes where the path cannot be opened again.

    Raises:
        InputError: there is no such file, or it cannot be read.
        ContainerError: it is refused; the subclass says why.
    """
    return Container(path, stream).open()


def is_container(path: str | Path) -> bool:
    """Whether a path is that of a regular file that starts as a container does; pipes are not opened."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return False
        with Path(path).open("rb", buffering=0) as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def verify(path: str | Path) -> list[str]:
    """Check every byte of a file; return the problems found, an empty list if there are none.

    A file without problems is safe to open even if its author is unknown; see SECURITY.md.

    Raises:
        InputError: there is no such file, or it cannot be read.
        NotAContainerError, NewerVersionError: there is nothing that this release could check.
    """
    try:
        return Container(path).problems()
    except (TruncatedError, CorruptError) as error:
        return [str(error)]


def _map(name: str) -> memoryview:
    """Map a file; what comes from a pipe is copied to a nameless file first."""
    try:
        if name == STDIN:
            return _copied(sys.stdin.buffer)
        with Path(name).open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size >= PREAMBLE.size:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            return _copied(file)
    except OSError as error:
        problem = (
            "is a folder, expected an .embc file" if Path(name).is_dir() else f"cannot be read: {error.strerror}"
        )
        raise InputError(f"{name}: {problem}") from error


def _copied(file: Readable) -> memoryview:
    """What is left of a stream: mapped if it starts as a container does; a device may have no end."""
    start = b""
    while len(start) < PREAMBLE.size and (part := file.read(PREAMBLE.size - len(start))):
        start += part
    if len(start) < PREAMBLE.size or not start.startswith(MAGIC):
        return memoryview(start)
    from tempfile import TemporaryFile

    with TemporaryFile() as copy:
        copy.write(start)
        while part := file.read(COPY_BYTES):
            copy.write(part)
        copy.flush()
        return memoryview(mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ))
