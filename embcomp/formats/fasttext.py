"""fastText's models, ``.bin`` and quantized ``.ftz``: for each word the vector that the model gives it.

That is the mean of the word's own row of a matrix and of the rows of its subwords [Bojanowski 2017, §3.2]. Vectors
of other words cannot be made afterwards, since the rows of subwords are not kept. Labels are left out.

A model holds options, a dictionary and two matrices, of which the first is read. Numbers are little-endian. The file
is mapped and words are read some at a time, so the matrix is never held.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray, RowIds
from embcomp.errors import InputError
from embcomp.formats.format import Block, Format, Rows
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, decode_words, shown
from embcomp.formats.stream import ByteStream
from embcomp.threads import blocks

MAGIC = b"\xba\x16\x4f\x2f"
VERSIONS = (11, 12)
SUPERVISED = 3
# magic, version, dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t
HEAD = struct.Struct("<4si12id")
DICTIONARY = struct.Struct("<3i2q")  # entries, words, labels, tokens, pruned subwords
ENTRY = struct.Struct("<qb")  # how often it occurs, whether it is a label
MATRIX = struct.Struct("<2q")  # rows, columns
QUANTIZED = struct.Struct("<?2qi")  # whether lengths are apart, rows, columns, bytes of codes
QUANTIZER = struct.Struct("<4i")  # columns, symbols, columns of each symbol, and of the last one
CENTROIDS = 256
END_OF_SENTENCE = b"</s>"  # has no subwords

MAX_WORD_BYTES = 1 << 14
MAX_SUBWORD = 32  # characters; fastText's default is 6
NO_TEXT = re.compile(rb"[\x80-\xbf]{33}")  # bytes that go on with a character; in UTF-8 at most 3 follow each other
BLOCK_BYTES = 1 << 16  # of words read at once
GATHERED_NUMBERS = 1 << 20  # of rows that are added up at once
HASH_START, HASH_FACTOR = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a

Fetch = Callable[[RowIds], FloatArray]


class Head(NamedTuple):
    """What is read of a model's options."""

    dim: int
    n_buckets: int
    shortest: int
    """Characters of a subword at least."""
    longest: int
    """At most; 0 for none."""


class Model(NamedTuple):
    """A model whose matrix is in the file."""

    head: Head
    words: list[bytes]
    n_words: int
    pruned: NDArray[np.int32] | None
    """Pairs of a bucket and its row, shape (k, 2), by bucket; without it, all buckets are there, in order."""
    fetch: Fetch
    """Rows of the matrix, float32, shape (k, dim), by their numbers."""


def _read(stream: ByteStream, options: ReadOptions) -> Rows:
    head = _head(stream)
    return Rows(head.dim, _blocks(stream, head, options), stream.row)


def _head(stream: ByteStream) -> Head:
    data = stream.peek(HEAD.size)
    if len(data) < HEAD.size:
        raise InputError(f"{stream.name}: {len(data)} bytes, expected a fastText model of more")
    magic, version, dim, *_, kind, n_buckets, shortest, longest, _, _ = HEAD.unpack(data)
    if magic != MAGIC or version not in VERSIONS:
        raise InputError(f"{stream.name}: is a fastText model of version {version}, expected one of {VERSIONS}")
    if version == VERSIONS[0] and kind == SUPERVISED:
        longest = 0
    if not 1 <= dim <= MAX_DIM:
        raise InputError(f"{stream.name}: header promises {dim} dimensions, expected 1 to {MAX_DIM}")
    if n_buckets < 0 or longest > MAX_SUBWORD:
        raise InputError(
            f"{stream.name}: header promises {n_buckets} buckets of subwords of up to {longest} characters, "
            f"expected 0 or more, of up to {MAX_SUBWORD}"
        )
    return Head(dim, n_buckets, max(1, shortest), max(0, longest) if n_buckets else 0)


class _Cursor:
    """Maps a file and reads it from front to back."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name, self._at = name, HEAD.size
        self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Read numbers."""
        return layout.unpack_from(self._data, self._advance(layout.size))

    def array(self, dtype: str, n_numbers: int) -> NDArray[Any]:
        """Read an array, which stays in the file."""
        start = self._advance(n_numbers * np.dtype(dtype).itemsize)
        return np.frombuffer(self._data, dtype, n_numbers, start)

    def word(self) -> bytes:
        """Read what ends with a zero byte."""
        end = self._data.find(b"\0", self._at, self._at + MAX_WORD_BYTES + 1)
        self.require(end >= 0, f"it has a word that does not end, expected at most {MAX_WORD_BYTES} bytes")
        word, self._at = self._data[self._at : end], end + 1
        return word

    def _advance(self, n_bytes: int) -> int:
        self.require(0 <= n_bytes <= len(self._data) - self._at, "it ends too early")
        start, self._at = self._at, self._at + n_bytes
        return start

    def require(self, condition: bool, problem: str) -> None:
        """Refuse a file that breaks a rule."""
        if not condition:
            raise self.damage(problem)

    def damage(self, problem: str) -> InputError:
        """Say what is wrong."""
        return InputError(f"{self._name}: the fastText model is damaged: {problem}")


def _model(cursor: _Cursor, head: Head) -> Model:
    n_entries, n_words, n_labels, _, n_pruned = cursor.take(DICTIONARY)
    counted = n_words >= 0 and n_labels >= 0 and n_words + n_labels == n_entries
    cursor.require(counted, f"it has {n_words} words and {n_labels} labels among {n_entries} entries")
    words = [_entry(cursor, is_label=number >= n_words) for number in range(n_entries)][:n_words]
    pruned = _pruned(cursor, n_pruned) if n_pruned >= 0 else None
    (quantized,) = cursor.array("|u1", 1)
    n_rows, fetch = (_quantized if quantized else _dense)(cursor, head.dim)
    last = n_words + (head.n_buckets if pruned is None else int(pruned[:, 1].max(initial=-1)) + 1)
    cursor.require(n_rows >= (last if head.longest else n_words), f"its matrix has {n_rows} rows, expected {last}")
    return Model(head, words, n_words, pruned, fetch)


def _entry(cursor: _Cursor, *, is_label: bool) -> bytes:
    word = cursor.word()
    _, kind = cursor.take(ENTRY)
    if kind != is_label:
        raise cursor.damage(f"the entry {shown(word)} is of kind {kind}, expected words before labels")
    if NO_TEXT.search(word):
        raise cursor.damage(f"the entry {shown(word)} is no text in UTF-8")
    return word


def _pruned(cursor: _Cursor, n_pruned: int) -> NDArray[np.int32]:
    """The rows of the buckets that are left."""
    pairs = cursor.array("<i4", 2 * n_pruned).reshape(n_pruned, 2)
    cursor.require(n_pruned == 0 or int(pairs.min()) >= 0, "it has a subword below 0")
    return pairs[np.argsort(pairs[:, 0], kind="stable")]


def _dense(cursor: _Cursor, dim: int) -> tuple[int, Fetch]:
    n_rows, n_columns = cursor.take(MATRIX)
    cursor.require(n_columns == dim and n_rows >= 0, f"its matrix has the shape ({n_rows}, {n_columns})")
    matrix = cursor.array("<f4", n_rows * dim).reshape(n_rows, dim)
    return n_rows, matrix.__getitem__


def _quantized(cursor: _Cursor, dim: int) -> tuple[int, Fetch]:
    """Rows as sums of codewords, and their lengths if they are apart [Jégou 2011]."""
    has_lengths, n_rows, n_columns, n_bytes = cursor.take(QUANTIZED)
    cursor.require(n_columns == dim and n_rows >= 0, f"its matrix has the shape ({n_rows}, {n_columns})")
    codes = cursor.array("|u1", n_bytes)
    books = _codebooks(cursor, dim)
    cursor.require(len(codes) == n_rows * len(books), f"it has {n_bytes} bytes of codes for {n_rows} rows")
    codes = codes.reshape(n_rows, len(books))
    length_codes = cursor.array("|u1", n_rows if has_lengths else 0)
    lengths = _codebooks(cursor, 1)[0][:, 0] if has_lengths else np.ones(1, dtype=np.float32)

    def fetch(rows: RowIds) -> FloatArray:
        symbols = codes[rows]
        vectors = np.concatenate([book[symbols[:, number]] for number, book in enumerate(books)], axis=1)
        return vectors * lengths[length_codes[rows]][:, None] if has_lengths else vectors

    return n_rows, fetch


def _codebooks(cursor: _Cursor, dim: int) -> list[FloatArray]:
    """One for each symbol, float32, shape (256, columns)."""
    n_columns, n_symbols, width, last_width = cursor.take(QUANTIZER)
    fits = n_columns == dim and n_symbols >= 1 and 1 <= last_width <= width
    cursor.require(fits and (n_symbols - 1) * width + last_width == dim, "its quantizer does not fit its matrix")
    widths = [width] * (n_symbols - 1) + [last_width]
    return [cursor.array("<f4", CENTROIDS * each).reshape(CENTROIDS, each) for each in widths]


# Vectors


def _blocks(stream: ByteStream, head: Head, options: ReadOptions) -> Iterator[Block]:
    with stream.as_file() as path, path.open("rb") as file:
        stream.require_same(file)
        model = _model(_Cursor(stream.name, file), head)
        words = model.words[: options.limit]
        ends = np.cumsum([len(word) + 1 for word in words])
        start = 0
        while start < len(words):
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK_BYTES, side="right")))
            chosen, numbers = words[start:stop], range(start + 1, stop + 1)
            decoded = decode_words(b"\0".join(chosen), b"\0", options.encoding_errors, stream.row, numbers)
            yield Block(decoded, _vectors(model, chosen, start))
            start = stop


def _vectors(model: Model, words: list[bytes], start: int) -> FloatArray:
    """The vectors of some words, of which the first has the number ``start``: float32, shape (k, dim)."""
    own = np.arange(len(words))
    of_subwords, rows_of_subwords = _subwords(model, words)
    owners, rows = np.append(own, of_subwords), np.append(start + own, model.n_words + rows_of_subwords)
    order = np.argsort(owners, kind="stable")
    owners, rows = owners[order], rows[order]
    sums = np.zeros((len(words), model.head.dim), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that are not finite are refused later
        for some in blocks(len(rows), max(1, GATHERED_NUMBERS // model.head.dim)):
            firsts = np.flatnonzero(np.diff(owners[some], prepend=-1))
            sums[owners[some][firsts]] += np.add.reduceat(model.fetch(rows[some]), firsts, axis=0)
        return sums / np.bincount(owners, minlength=len(words)).astype(np.float32)[:, None]


def _subwords(model: Model, words: list[bytes]) -> tuple[RowIds, RowIds]:
    """Which words have a subword, counted from 0, and the row of it, counted from that of the first one."""
    head = model.head
    spelled = [b"" if word == END_OF_SENTENCE else b"<%b>" % word for word in words]
    owners, hashes = _hashes(spelled, head.shortest, head.longest)
    buckets = (hashes % np.uint32(max(1, head.n_buckets))).astype(np.int64)
    if model.pruned is None:
        return owners, buckets
    if not len(model.pruned):
        return owners[:0], buckets[:0]
    at = np.minimum(np.searchsorted(model.pruned[:, 0], buckets), len(model.pruned) - 1)
    there = model.pruned[at, 0] == buckets
    return owners[there], model.pruned[at[there], 1].astype(np.int64)


def _hashes(words: list[bytes], shortest: int, longest: int) -> tuple[RowIds, NDArray[np.uint32]]:
    """Hashes of all subwords of words, and of which word each is; byte after byte from each character on.

    A subword has ``shortest`` to ``longest`` characters, and is neither the first character alone nor the last.
    """
    text = np.frombuffer(b"".join(words), dtype=np.uint8)
    sizes = np.array([len(word) for word in words], dtype=np.int64)
    goes_on = np.append(text & 0xC0 == 0x80, False)  # with a character, in UTF-8
    at = np.flatnonzero(~goes_on[:-1]) if longest else np.zeros(0, dtype=np.int64)
    owners = np.repeat(np.arange(len(words)), sizes)[at]
    ends = np.cumsum(sizes)[owners]
    is_first = at == ends - sizes[owners]
    hashes, n_characters = np.full(len(at), HASH_START), np.zeros(len(at), dtype=np.int64)
    added = text.view(np.int8).astype(np.uint32)  # fastText's bytes have a sign
    found = [(owners[:0], hashes[:0])]
    while len(at):
        hashes, at = (hashes ^ added[at]) * HASH_FACTOR, at + 1
        whole = (at == ends) | ~goes_on[at]
        n_characters = n_characters + whole
        alone = (n_characters == 1) & (is_first | (at == ends))
        taken = whole & (n_characters >= shortest) & ~alone
        found.append((owners[taken], hashes[taken]))
        left = (at < ends) & (n_characters < longest)
        at, ends, owners, is_first = at[left], ends[left], owners[left], is_first[left]
        hashes, n_characters = hashes[left], n_characters[left]
    return np.concatenate([each for each, _ in found]), np.concatenate([each for _, each in found])


FASTTEXT = Format("fasttext-binary", recognise=lambda stream: stream.peek(4) == MAGIC, read=_read)
