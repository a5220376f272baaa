"""Other people's files, in both directions."""

from embcomp.formats.options import EXPORT_FORMAT_NAMES, FORMAT_NAMES, WRITABLE_FORMAT_NAMES, ReadOptions
from embcomp.formats.reading import BlockReader, open_blocks, read_embedding, read_matrix
from embcomp.formats.writing import write_embedding

__all__ = [
    "EXPORT_FORMAT_NAMES",
    "FORMAT_NAMES",
    "WRITABLE_FORMAT_NAMES",
    "BlockReader",
    "ReadOptions",
    "open_blocks",
    "read_embedding",
    "read_matrix",
    "write_embedding",
]
