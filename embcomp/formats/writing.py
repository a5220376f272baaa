"""Vectors in other people's formats: block by block, and never a file that reads back as something else.

A number is written with the fewest digits that give the same float32 back. A word is refused where the format
cannot hold it: in text, words that our own reader would take apart otherwise. Spaces inside a word are allowed there,
as in the GloVe files that have such words; gensim does not read these rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embcomp.embedding import FloatMatrix
from embcomp.errors import OutputError, ParameterError
from embcomp.files import check_target, replacing
from embcomp.formats.exports import write_finalfusion, write_safetensors
from embcomp.formats.options import EXPORT_FORMAT_NAMES
from embcomp.formats.rows import MAX_WORD_BYTES, BadRowError, count_numbers, shown, split_row

STDOUT = "-"
NUMBERS_PER_STEP = 1 << 16
NEED_A_FILE = ("npy", "gensim", "safetensors", "finalfusion")

Blocks = Iterable[tuple[list[str], FloatMatrix]]
Problem = Callable[[str], str | None]


def write_embedding(
    target: str | Path, format: str, blocks: Blocks, n_rows: int, dim: int, *, force: bool = False
) -> None:
    """Write words and vectors; all or, when something fails, nothing.

    Memory is that of one block, but for ``gensim``, whose file is written from the whole matrix.

    Args:
        target: a file, or ``-`` for standard output.
        format: one of :data:`embcomp.formats.EXPORT_FORMAT_NAMES`. ``npy`` writes ``<target>.words.txt`` beside it.
        blocks: distinct words and float32 (k, dim).
        n_rows: rows in all blocks.
        dim: numbers per row.
        force: whether an existing file may be replaced.

    Raises:
        ParameterError: there is no such format, or it is not written to standard output.
        OutputError: a word or number cannot be held, or the target cannot be written.
    """
    if format not in EXPORT_FORMAT_NAMES:
        raise ParameterError(f"the format must be one of {', '.join(EXPORT_FORMAT_NAMES)}, got {format!r}")
    name = str(target)
    if name == STDOUT and format in NEED_A_FILE:
        raise ParameterError(f"the format {format} needs a file, got standard output")
    if format == "npy":
        _write_npy(Path(target), blocks, n_rows, dim, force=force)
        return
    with _open(name, force=force) as out:
        if format == "gensim":
            _write_gensim(out, name, blocks, n_rows, dim)
        elif format == "word2vec-binary":
            _write_binary(out, name, blocks, n_rows, dim)
        elif format == "safetensors":
            write_safetensors(out, _checked(name, blocks, n_rows, dim, lambda word: None), n_rows, dim)
        elif format == "finalfusion":
            checked = _checked(name, blocks, n_rows, dim, lambda word: None)
            write_finalfusion(out, Path(name).parent, checked, n_rows, dim)
        else:
            _write_text(out, name, blocks, n_rows, dim, header=format == "word2vec-text")


def _open(name: str, *, force: bool) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdout.buffer) if name == STDOUT else replacing(Path(name), force=force)


def _write_text(out: BinaryIO, name: str, blocks: Blocks, n_rows: int, dim: int, *, header: bool) -> None:
    if header:
        out.write(f"{n_rows} {dim}\n".encode())
    step = max(1, NUMBERS_PER_STEP // dim)
    for words, vectors in _checked(name, blocks, n_rows, dim, _text_problem):
        for start in range(0, len(words), step):
            numbers = vectors[start : start + step].astype("S32").tolist()  # the shortest form that reads back
            rows = zip(words[start : start + step], numbers, strict=True)
            out.write(b"".join(b"%b %b\n" % (word, b" ".join(row)) for word, row in rows))


def _write_binary(out: BinaryIO, name: str, blocks: Blocks, n_rows: int, dim: int) -> None:
    out.write(f"{n_rows} {dim}\n".encode())
    for words, vectors in _checked(name, blocks, n_rows, dim, _binary_problem):
        out.write(b"".join(b"%b %b" % row for row in zip(words, map(_row_bytes, vectors), strict=True)))


def _write_npy(path: Path, blocks: Blocks, n_rows: int, dim: int, *, force: bool) -> None:
    words_path = path.with_name(f"{path.name}.words.txt")
    check_target(path, force=force)
    with replacing(path, force=force) as out, replacing(words_path, force=force) as words_out:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, dim)}
        np.lib.format.write_array_header_1_0(out, header)
        for words, vectors in _checked(str(path), blocks, n_rows, dim, _list_problem):
            out.write(_row_bytes(vectors))
            words_out.write(b"".join(b"%b\n" % word for word in words))


def _write_gensim(out: BinaryIO, name: str, blocks: Blocks, n_rows: int, dim: int) -> None:
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(dim)
    vectors.vectors = np.empty((n_rows, dim), dtype=np.float32)
    vectors.lifecycle_events = None  # would hold the time and the machine
    for words, rows in _checked(name, blocks, n_rows, dim, lambda word: None):
        start = len(vectors.index_to_key)
        vectors.index_to_key += [word.decode() for word in words]
        vectors.vectors[start : len(vectors.index_to_key)] = rows
    vectors.key_to_index = {word: row for row, word in enumerate(vectors.index_to_key)}
    vectors.save(out, pickle_protocol=5)


def _checked(
    name: str, blocks: Blocks, n_rows: int, dim: int, problem: Problem
) -> Iterator[tuple[list[bytes], FloatMatrix]]:
    """Pass on the blocks, words as UTF-8, if their words, numbers and sizes can be written."""
    n_done = 0
    for words, vectors in blocks:
        if vectors.shape != (len(words), dim) or n_done + len(words) > n_rows:
            raise OutputError(
                f"{name}: got {len(words)} words with vectors of shape {vectors.shape}, "
                f"expected at most {n_rows - n_done} of {dim} dimensions"
            )
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            word = words[int(np.flatnonzero(~finite)[0])]
            raise OutputError(f"{name}: the vector of {shown(word)} is not finite, expected finite numbers")
        yield [_encoded(name, word, problem) for word in words], vectors.astype("<f4", copy=False)
        n_done += len(words)
    if n_done != n_rows:
        raise OutputError(f"{name}: got {n_done} rows, expected {n_rows}")


def _encoded(name: str, word: str, problem: Problem) -> bytes:
    try:
        data = word.encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"{name}: the word {shown(word)} is not valid Unicode, expected no lone surrogates"
        ) from None
    what = problem(word)
    if what is None and len(data) > MAX_WORD_BYTES:
        what = f"at most {MAX_WORD_BYTES} bytes"
    if what is not None:
        raise OutputError(f"{name}: the word {shown(word)} cannot be written in this format, expected {what}")
    return data


def _text_problem(word: str) -> str | None:
    """Say what a word must be to come back from a line of text."""
    if "\n" in word:
        return "words without line feeds"
    if " " in word or "\t" in word:
        row = word.encode() + b" 0"
        try:
            came_back, _ = split_row(row, 1)
        except BadRowError:
            came_back = b""
        if came_back != word.encode() or count_numbers(row) != 1:
            return "words that neither start or end with spaces nor end in a number after a space"
    return None


def _binary_problem(word: str) -> str | None:
    """Say what a word must be to come back from a binary file."""
    if " " in word:
        return "words without spaces"
    return "words that do not start with a line feed" if word.startswith("\n") else None


def _list_problem(word: str) -> str | None:
    """Say what a word must be to come back from a list with one word per line."""
    if "\n" in word:
        return "words without line feeds"
    return "words that do not end with a carriage return" if word.endswith("\r") else None


def _row_bytes(vectors: FloatMatrix) -> bytes:
    return vectors.tobytes()
