"""The registry of formats: a table of built-ins, then the entry points of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embcomp.errors import InputError, ParameterError
from embcomp.formats.compression import SUFFIXES, split_compression
from embcomp.formats.format import Format, Read, Rows, Write
from embcomp.formats.options import ReadOptions
from embcomp.formats.sniff import unknown_format
from embcomp.formats.stream import ByteStream
from embcomp.plugins import Registry

CONTAINER_START = b"\x89EMBC"

BUILT_IN = {
    "glove-text": "embcomp.formats.text:GLOVE_TEXT",
    "word2vec-text": "embcomp.formats.text:WORD2VEC_TEXT",
    "word2vec-binary": "embcomp.formats.word2vec_binary:WORD2VEC_BINARY",
    "fasttext-binary": "embcomp.formats.fasttext:FASTTEXT",
    "gensim": "embcomp.formats.gensim_files:GENSIM",
    "npy": "embcomp.formats.npy:NPY",
    "safetensors": "embcomp.formats.safetensors:SAFETENSORS",
    "parquet": "embcomp.formats.arrow_files:PARQUET",
    "arrow": "embcomp.formats.arrow_files:ARROW",
    "hdf5": "embcomp.formats.hdf5:HDF5",
    "finalfusion": "embcomp.formats.finalfusion:FINALFUSION",
}


def readable_formats() -> list[str]:
    """Return the names of the formats that are read: built-in ones, then those of other packages."""
    return [name for name, each in FORMATS.all().items() if each.read is not None]


def writable_formats() -> dict[str, tuple[str, ...]]:
    """Return the suffixes of the formats that are written, by name: built-in ones, then those of other packages."""
    return {name: each.suffixes for name, each in FORMATS.all().items() if each.write is not None}


def format_of(target: str) -> tuple[str, str | None]:
    """Return the format that a target's suffix stands for, in capitals or not, and the compression, if any.

    Raises:
        ParameterError: it is that of no format that is written.
    """
    stem, kind = split_compression(target)
    suffix = Path(stem).suffix.lower()
    written = writable_formats()
    for name, suffixes in written.items():
        if suffix in suffixes:
            return name, kind
    allowed = ", ".join(suffix for suffixes in written.values() for suffix in suffixes)
    got = f"has the suffix {suffix!r}" if suffix else "has no suffix"
    raise ParameterError(f"{target}: {got}, expected one of {allowed} (and {', '.join(SUFFIXES)}), or `to`")


def find_writer(name: str, *, streams: bool) -> Write:
    """Return what writes a format, front to back if it ``streams``, as to standard output or compressed.

    Raises:
        ParameterError: there is no such format, or it needs a plain file.
        PluginError: another package's format cannot be used.
    """
    found = FORMATS.get(name) if name in FORMATS.names() else None
    if found is None or found.write is None:
        raise ParameterError(f"`to` must be one of {', '.join(writable_formats())}, got {name!r}")
    if streams and not found.streams:
        raise ParameterError(f"the format {name} needs a plain file, got standard output or a compressed one")
    return found.write


def open_rows(stream: ByteStream, options: ReadOptions) -> tuple[str, Rows]:
    """Open a source in the format that the user names or that its content shows; return the format's name and rows.

    Raises:
        InputError: it is empty, is a container of our own, or is nothing that is known.
        ParameterError: no format of that name is read.
        PluginError: another package's format is asked for and cannot be used.
    """
    head = stream.peek(len(CONTAINER_START))
    if not head:
        raise InputError(f"{stream.name}: is empty, expected an embedding")
    if head == CONTAINER_START:
        raise InputError(
            f"{stream.name}: is compressed already (an .embc container), expected an embedding; "
            f"'embcomp decompress' reads it"
        )
    if options.format is not None:
        wanted = FORMATS.get(options.format) if options.format in FORMATS.names() else None
        if wanted is None or wanted.read is None:
            allowed = ", ".join(readable_formats())
            raise ParameterError(f"`format` must be one of {allowed}, got {options.format!r}")
        return _opened(wanted, wanted.read, stream, options)
    for each in _in_turn():
        if each.read is not None and each.recognise(stream):
            return _opened(each, each.read, stream, options)
    raise unknown_format(stream)


def _opened(chosen: Format, read: Read, stream: ByteStream, options: ReadOptions) -> tuple[str, Rows]:
    if options.part is not None and not (chosen.parted and stream.is_plain):
        kind = f"{chosen.name}, compressed or from a pipe" if chosen.parted else chosen.name
        raise InputError(f"{stream.name}: `part` needs a file of text that is not compressed, got {kind}")
    return chosen.name, read(stream, options)


def _in_turn() -> Iterator[Format]:
    """Built-in formats first, text last of them; other packages are imported if none of these recognises a source."""
    yield from (FORMATS.get(name) for name in reversed(BUILT_IN))
    yield from FORMATS.added().values()


def _judged(loaded: Any) -> Format:
    if not isinstance(loaded, Format):
        raise TypeError(f"{loaded!r} is not an embcomp.formats.Format")
    return loaded


FORMATS = Registry("format", "embcomp.formats", BUILT_IN, _judged)
