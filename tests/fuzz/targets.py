"""What is fuzzed: functions of bytes that return if the outcome is clean or a named error, and raise on a bug."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from embcomp.container.reader import Container, describe, open_container, verify
from embcomp.errors import ContainerError, InputError
from embcomp.formats import ReadOptions, open_blocks, read_embedding

FOLDER = Path(tempfile.gettempdir() if not Path("/dev/shm").is_dir() else "/dev/shm")
FILE = FOLDER / f"embcomp-fuzz-{os.getpid()}"

CHOICES = list(
    itertools.product(("first", "error"), ("error", "skip"), ("strict", "replace", "ignore"), (None, 1, 3))
)


def text(data: bytes) -> None:
    """First byte: options; the rest is a text file whose kind is found out from its content."""
    read(data, [None, "glove-text", "word2vec-text"])


def binary(data: bytes) -> None:
    """First byte: options; the rest is a word2vec binary file."""
    read(data, ["word2vec-binary", None])


def read(data: bytes, formats: list[str | None]) -> None:
    if not data:
        return
    chosen, chosen_format = divmod(data[0], len(formats))
    duplicates, bad_rows, encoding_errors, limit = CHOICES[chosen % len(CHOICES)]
    options = ReadOptions(formats[chosen_format], limit, duplicates, bad_rows, encoding_errors)
    FILE.write_bytes(data[1:])
    try:
        embedding = read_embedding(FILE, options)
    except InputError as error:
        require("\n" not in str(error), "a message of one line")
        require(len(str(error)) < 1000, "a short message")
        return
    require(embedding.vectors.dtype == np.float32, "float32")
    require(bool(np.isfinite(embedding.vectors).all()), "finite numbers")
    require(len(set(embedding.words)) == len(embedding.words), "distinct words")
    require(embedding.source.rows == len(embedding.words), "rows are counted")
    require(limit is None or len(embedding.words) <= limit, "the limit")
    with open_blocks(FILE, options) as reader:
        blocks = list(reader)
    require([word for words, _ in blocks for word in words] == list(embedding.words), "the same words block by block")
    vectors = b"".join(block.tobytes() for _, block in blocks)
    require(vectors == embedding.vectors.tobytes(), "the same vectors block by block")


def container(data: bytes) -> None:
    """A container: if verify finds nothing wrong, then nothing may be wrong."""
    FILE.write_bytes(data)
    try:
        problems = verify(FILE)
    except ContainerError:
        return
    if problems:
        require(all("\n" not in problem for problem in problems), "messages of one line")
        return
    embedding = open_container(FILE)
    words = embedding.words
    require(embedding.rows(words).tolist() == list(range(len(words))), "every word is found")
    if len(embedding) * embedding.dim < 10**6:
        require(embedding.decode_all().shape == (len(words), embedding.dim), "every vector comes back")
    describe(FILE)
    require(Container(FILE).file_bytes == len(data), "the whole file")


TARGETS: dict[str, Callable[[bytes], None]] = {"text": text, "binary": binary, "container": container}


def require(condition: bool, what: str) -> None:
    if not condition:
        raise RuntimeError(f"this should hold: {what}")
