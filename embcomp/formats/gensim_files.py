"""Files that gensim reads for us: fastText's ``.bin`` and gensim's own pickles.

Of a fastText model only the words of its dictionary are kept, each with the vector that the model gives it (the
mean of its own and its subwords'); vectors for unseen words cannot be made afterwards.
"""

from __future__ import annotations

import pickle
import re
import struct
from typing import Any, BinaryIO

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.format import Format, Rows, Table, matrix_blocks
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM
from embcomp.formats.stream import ByteStream

_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)
# magic, version, dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t,
# dictionary size, words, labels, tokens, pruned size
_FASTTEXT_HEAD = struct.Struct("<ii12idiiiqq")


_FASTTEXT_MAGIC = b"\xba\x16\x4f\x2f"  # int32 793712314
_PICKLE = re.compile(rb"\x80[\x02-\x05]")


def _read_fasttext(stream: ByteStream, options: ReadOptions) -> Rows:
    """Read a fastText model.

    Raises:
        InputError: it is damaged, or of a kind that gensim does not read.
    """
    _check_fasttext_sizes(stream)
    from gensim.models.fasttext import load_facebook_vectors

    with stream.as_file() as path:
        try:
            loaded = load_facebook_vectors(str(path))
        except _DAMAGE as error:
            raise InputError(f"{stream.name}: gensim cannot read this fastText model: {error}") from error
    return _rows(stream, loaded, options)


def _read_gensim(stream: ByteStream, options: ReadOptions) -> Rows:
    """Read a native gensim file: KeyedVectors, or a model that holds them.

    Raises:
        InputError: pickles are not allowed, or it is no such file.
    """
    if not options.allow_pickle:
        raise InputError(
            f"{stream.name}: is a pickle (native gensim file), and unpickling runs any code that it holds; "
            "`allow_pickle` reads it anyway"
        )
    from gensim.models import KeyedVectors

    with stream.as_file() as path:
        try:
            loaded = KeyedVectors.load(str(path))
        except _DAMAGE as error:
            raise InputError(f"{stream.name}: gensim cannot read this file: {error}") from error
    return _rows(stream, getattr(loaded, "wv", loaded), options)


def _check_fasttext_sizes(stream: ByteStream) -> None:
    """Refuse a head that promises more than there is, before gensim allocates it."""
    head = stream.peek(_FASTTEXT_HEAD.size)
    if len(head) < _FASTTEXT_HEAD.size:
        raise InputError(f"{stream.name}: {len(head)} bytes, expected a fastText model of more")
    fields = _FASTTEXT_HEAD.unpack(head)
    dim, bucket, n_entries, n_words = fields[2], fields[10], fields[15], fields[16]
    if not 1 <= dim <= MAX_DIM:
        raise InputError(f"{stream.name}: header promises {dim} dimensions, expected 1 to {MAX_DIM}")
    if min(bucket, n_entries, n_words) < 0:
        raise InputError(f"{stream.name}: header promises {min(bucket, n_entries, n_words)} rows, expected 0 or more")
    n_bytes = (n_words + bucket) * dim * 4
    if stream.compression is None and stream.size and n_bytes > stream.size:
        raise InputError(f"{stream.name}: header promises {n_bytes} bytes of vectors, the file has {stream.size}")


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


FASTTEXT_BINARY = Format(
    "fasttext-binary", recognise=lambda stream: stream.peek(4) == _FASTTEXT_MAGIC, read=_read_fasttext
)
GENSIM = Format("gensim", (".kv",), lambda stream: bool(_PICKLE.match(stream.peek(2))), _read_gensim, _write_gensim)
