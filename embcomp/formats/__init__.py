"""Formats of embedding files: reading and writing."""

from embcomp.formats.format import Block, Format, Rows, Table, matrix_blocks
from embcomp.formats.options import ReadOptions
from embcomp.formats.reading import (
    BlockReader,
    RowReader,
    Words,
    can_be_read_again,
    files_of,
    open_blocks,
    read_chunks,
    read_embedding,
    read_matrix,
    read_pieces,
    stacked,
)
from embcomp.formats.registry import format_of, readable_formats, writable_formats
from embcomp.formats.stream import ByteStream, open_stream
from embcomp.formats.word_lists import read_word_list
from embcomp.formats.writing import write_embedding

__all__ = [
    "Block",
    "BlockReader",
    "ByteStream",
    "Format",
    "ReadOptions",
    "RowReader",
    "Rows",
    "Table",
    "Words",
    "can_be_read_again",
    "files_of",
    "format_of",
    "matrix_blocks",
    "open_blocks",
    "open_stream",
    "read_chunks",
    "read_embedding",
    "read_matrix",
    "read_pieces",
    "read_word_list",
    "readable_formats",
    "stacked",
    "writable_formats",
    "write_embedding",
]
