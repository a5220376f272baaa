"""gensim's own files, which are pickles: gensim reads and writes them."""

from __future__ import annotations

import pickle
import re
from typing import Any, BinaryIO

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.format import Format, Rows, Table, matrix_blocks, told
from embcomp.formats.options import ReadOptions
from embcomp.formats.stream import ByteStream

_DAMAGE = (
    *(ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError, NotImplementedError),
    *(OSError, TypeError, ValueError, pickle.UnpicklingError),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")


def _read_gensim(stream: ByteStream, options: ReadOptions) -> Rows:
    """Read a native gensim file: KeyedVectors, or a model that holds them."""
    if not options.allow_pickle:
        raise InputError(
            f"{stream.name}: is a pickle (native gensim file), and unpickling runs any code that it holds; "
            "`allow_pickle` reads it anyway"
        )
    from gensim.models import KeyedVectors

    with stream.as_file() as path, told(stream.name, "gensim", _DAMAGE):
        loaded = KeyedVectors.load(str(path))
    return _rows(stream, getattr(loaded, "wv", loaded), options)


def _rows(stream: ByteStream, loaded: Any, options: ReadOptions) -> Rows:
    words = getattr(loaded, "index_to_key", None)
    vectors = getattr(loaded, "vectors", None)
    if not isinstance(words, list) or not isinstance(vectors, np.ndarray) or vectors.ndim != 2:
        raise InputError(f"{stream.name}: holds a {type(loaded).__name__}, expected word vectors")
    if vectors.shape[1] == 0 or vectors.dtype.kind != "f" or len(words) != len(vectors):
        raise InputError(
            f"{stream.name}: {len(words)} words with {vectors.dtype} vectors of shape {vectors.shape}, "
            f"expected as many words as vectors"
        )
    n_shadows = next((i for i, word in enumerate(reversed(words)) if word is not None), len(words))
    words = words[: len(words) - n_shadows][: options.limit]
    wrong = next((word for word in words if not isinstance(word, str)), None)
    if wrong is not None:
        raise InputError(f"{stream.name}: the key {wrong!r} is a {type(wrong).__name__}, expected words")
    return Rows(int(vectors.shape[1]), matrix_blocks(words, vectors), stream.row, n_shadows)


def _write_gensim(out: BinaryIO, table: Table) -> None:
    """Write KeyedVectors, from the whole matrix in memory."""
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(table.dim)
    vectors.vectors = np.empty((table.n_rows, table.dim), dtype=np.float32)
    vectors.lifecycle_events = None  # would hold the time and the machine
    for words, rows in table.blocks():
        start = len(vectors.index_to_key)
        vectors.index_to_key += [word.decode() for word in words]
        vectors.vectors[start : len(vectors.index_to_key)] = rows
    vectors.key_to_index = {word: row for row, word in enumerate(vectors.index_to_key)}
    vectors.save(out, pickle_protocol=5)


GENSIM = Format("gensim", (".kv",), lambda stream: bool(_PICKLE.match(stream.peek(2))), _read_gensim, _write_gensim)
