"""Formats of embedding files: reading and writing."""

from embcomp.formats.format import Block, Format, Rows, Table, matrix_blocks
from embcomp.formats.options import ReadOptions
from embcomp.formats.reading import BlockReader, open_blocks, read_chunks, read_embedding, read_matrix
from embcomp.formats.registry import readable_formats, writable_formats
from embcomp.formats.stream import ByteStream
from embcomp.formats.writing import write_embedding

__all__ = [
    "Block",
    "BlockReader",
    "ByteStream",
    "Format",
    "ReadOptions",
    "Rows",
    "Table",
    "matrix_blocks",
    "open_blocks",
    "read_chunks",
    "read_embedding",
    "read_matrix",
    "readable_formats",
    "writable_formats",
    "write_embedding",
]
