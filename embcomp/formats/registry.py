"""Which formats there are: a table of built-ins, then the entry points of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embcomp.errors import InputError, ParameterError
from embcomp.formats.exports import FINALFUSION, SAFETENSORS
from embcomp.formats.format import Format, Rows, Write
from embcomp.formats.gensim_files import FASTTEXT_BINARY, GENSIM
from embcomp.formats.npy import NPY
from embcomp.formats.options import ReadOptions
from embcomp.formats.sniff import unknown_format
from embcomp.formats.stream import ByteStream
from embcomp.formats.text import GLOVE_TEXT, WORD2VEC_TEXT
from embcomp.formats.word2vec_binary import WORD2VEC_BINARY
from embcomp.plugins import load_plugin, load_plugins

CONTAINER_START = b"\x89EMBC"

BUILT_IN = {
    each.name: each
    for each in (GLOVE_TEXT, WORD2VEC_TEXT, WORD2VEC_BINARY, FASTTEXT_BINARY, GENSIM, NPY, SAFETENSORS, FINALFUSION)
}
ENTRY_POINT_GROUP = "embcomp.formats"


def readable_formats() -> list[str]:
    """Return the names of the formats that are read: built-in ones, then those of other packages."""
    return [name for name, each in _all().items() if each.read is not None]


def writable_formats() -> dict[str, tuple[str, ...]]:
    """Return the suffixes of the formats that are written, by name: built-in ones, then those of other packages."""
    return {name: each.suffixes for name, each in _all().items() if each.write is not None}


def find_writer(name: str, *, streams: bool) -> Write:
    """Return what writes a format, to standard output if it ``streams``.

    Raises:
        ParameterError: there is no such format, or it needs a file.
        PluginError: another package's format cannot be used.
    """
    found = _find(name)
    if found is None or found.write is None:
        raise ParameterError(f"`format` must be one of {', '.join(writable_formats())}, got {name!r}")
    if streams and not found.streams:
        raise ParameterError(f"the format {name} needs a file, got standard output")
    return found.write


def _all() -> dict[str, Format]:
    return BUILT_IN | load_plugins(ENTRY_POINT_GROUP, _judged)


def _find(name: str) -> Format | None:
    return BUILT_IN.get(name) or load_plugin(ENTRY_POINT_GROUP, name, _judged)


def _judged(name: str, loaded: Any) -> Format:
    """What an entry point gave, if it is a format that is found again by its name."""
    if name in BUILT_IN:
        raise TypeError(f"{name!r} is a format of embcomp itself, expected another name")
    if not isinstance(loaded, Format):
        raise TypeError(f"{loaded!r} is no embcomp.formats.Format")
    if loaded.name != name:
        raise TypeError(f"its name must be {name!r}, as its entry point, got {loaded.name!r}")
    return loaded


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
        wanted = _find(options.format)
        if wanted is None or wanted.read is None:
            allowed = ", ".join(readable_formats())
            raise ParameterError(f"`format` must be one of {allowed}, got {options.format!r}")
        return wanted.name, wanted.read(stream, options)
    for each in _in_turn():
        if each.read is not None and each.recognise(stream):
            return each.name, each.read(stream, options)
    raise unknown_format(stream)


def _in_turn() -> Iterator[Format]:
    """Built-in formats first, text last of them; other packages are imported if none of these recognises a source."""
    yield from reversed(BUILT_IN.values())
    yield from load_plugins(ENTRY_POINT_GROUP, _judged).values()
