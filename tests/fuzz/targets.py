"""What is fuzzed: functions of bytes that return if the outcome is clean or a named error, and raise on a bug."""

from __future__ import annotations

import importlib.util
import itertools
import os
import tempfile
from bisect import bisect_left as bisect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from embcomp.container.description import describe
from embcomp.container.reader import Container, open_container, verify
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import (
    ContainerError,
    CorruptError,
    InputError,
    MemoryLimitError,
    MissingWordError,
    ParameterError,
)
from embcomp.formats import ReadOptions, open_blocks, read_embedding
from embcomp.search import SearchIndex
from embcomp.vocabulary import Part
from embcomp.wordlist import WordList
from tests.fuzz import reference
from tests.fuzz.changes import split
from tests.fuzz.reference import Reference
from tests.wordlist import slowly

FOLDER = Path(tempfile.gettempdir() if not Path("/dev/shm").is_dir() else "/dev/shm")
FILE = FOLDER / f"embcomp-fuzz-{os.getpid()}"

REFUSED = (ContainerError, InputError, MemoryLimitError, MissingWordError, ParameterError)
MODERATE = 1e3  # numbers of a state


def load_reader() -> Any:
    """The reader of docs/reader.py."""
    path = Path(__file__).parents[2] / "docs" / "reader.py"
    spec = importlib.util.spec_from_file_location("reader", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


READER = load_reader()

CHOICES = list(
    itertools.product(("first", "error"), ("error", "skip"), ("strict", "replace", "ignore"), (None, 1, 3))
)


def text(data: bytes) -> None:
    """First byte: options; the rest is a text file whose kind is found out from its content."""
    read(data, [None, "glove-text", "word2vec-text"])


def binary(data: bytes) -> None:
    """First byte: options; the rest is a word2vec binary file."""
    read(data, ["word2vec-binary", None])


def read(data: bytes, formats: list[str | None], expected: Reference | None = None) -> None:
    """Read whole and block by block; compare with a second reader, where there is one."""
    if not data:
        return
    chosen, chosen_format = divmod(data[0], len(formats))
    duplicates, bad_rows, encoding_errors, limit = CHOICES[chosen % len(CHOICES)]
    options = ReadOptions(formats[chosen_format], limit, duplicates, bad_rows, encoding_errors)
    FILE.write_bytes(data[1:])
    try:
        embedding = read_embedding(FILE, options)
    except (InputError, MemoryLimitError) as error:
        require("\n" not in str(error), "a message of one line")
        require(len(str(error)) < 1000, "a short message")
        require(expected is None or expected(data[1:], options) is None, "what the second reader reads")
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
    if expected is not None:
        rows = expected(data[1:], options)
        require(rows is not None, "the second reader reads it too")
        other_words, other_vectors = rows or ([], embedding.vectors)
        require(list(embedding.words) == other_words, "words as in the second reader")
        require(
            np.allclose(embedding.vectors, other_vectors, rtol=1e-4, atol=1e-6), "vectors as in the second reader"
        )


def container(data: bytes) -> None:
    """A container: if verify finds nothing wrong, then words and vectors are those of the second reader.

    If it finds something, or opens a file anyway, what can be done with it is done, or refused by name.
    """
    FILE.write_bytes(data)
    try:
        problems = verify(FILE)
    except (ContainerError, MemoryLimitError):
        return
    require(all("\n" not in problem and len(problem) < 2000 for problem in problems), "short messages of one line")
    with suppress(*REFUSED):
        use(open_container(FILE))
        describe(FILE)
    if problems:
        return
    embedding = open_container(FILE)
    require(Container(FILE).file_bytes == len(data), "the whole file")
    try:
        words, vectors = READER.read_embedding(FILE)
    except KeyError as error:  # an option that is not there has its default
        require(error.args[0] in {"config", *embedding.compressor.get_config()}, f"a key that is there: {error}")
        return
    require(embedding.words == words, "words as in the second reader")
    require(embedding.rows(words).tolist() == list(range(len(words))), "every word is found")
    decoded = embedding.decode_all()
    require(decoded.shape == vectors.shape, "every vector comes back")
    if all(map(is_moderate, embedding.compressor.get_state().values())):
        scale = max(1.0, float(np.abs(vectors).max(initial=0)))
        require(np.allclose(decoded, vectors, rtol=1e-3, atol=1e-3 * scale), "vectors as in the second reader")


def use(embedding: EncodedEmbedding) -> None:
    """What commands do with a file that was opened."""
    words = embedding.first_words(5)
    for word in words:
        with suppress(*REFUSED):
            require(embedding.vector(word).shape == (embedding.dim,), "a vector")
    with suppress(*REFUSED):
        index = SearchIndex(embedding)
        queries = embedding.decode_rows(np.arange(min(2, len(embedding))))
        if np.isfinite(queries).all():
            for similarity in index.similarities:
                require(len(index.search(queries, 3, similarity=similarity).ranks) == len(queries), "neighbours")
    with suppress(*REFUSED):
        embedding.without_order()
    more = Embedding(["a new word"], np.full((1, min(embedding.dim, 2**16)), 0.5, dtype=np.float32))
    with suppress(*REFUSED):
        embedding.extended(more)


def words(data: bytes) -> None:
    """An index, pages and an order of words: refused by name, or read as a slow reader reads them."""
    index, pages, order = split(data)
    try:
        expected = slowly.words_of(index, pages)
    except slowly.BrokenError:
        expected = None
    try:
        listed = WordList("words", index, pages)
        found = list(listed)
    except CorruptError as error:
        require("\n" not in str(error), "a message of one line")
        require(expected is None, "what the slow reader reads")
        return
    require(found == expected, "words as in the slow reader")
    numbers = range(len(found))
    require([listed.find(word) for word in found] == list(numbers), "each word is found where it is")
    require([listed.word(number) for number in numbers] == found, "each number has its word")
    require(listed.find_many(found).tolist() == list(numbers), "all words are found where they are")
    require(listed.read_many(np.arange(len(found))) == found, "all numbers have their words")
    near = sorted({word + end for word in found[:50] for end in (b"", b"\0", b"x")} | {b"", b"m"})
    places = [bisect(found, word) for word in near]
    wanted = [place if found[place : place + 1] == [word] else -1 for place, word in zip(places, near, strict=True)]
    require(listed.find_many(near).tolist() == wanted, "other words are not found")
    ranked(listed, order)


def ranked(listed: WordList, order: bytes) -> None:
    """The same words in an order, if it has the right length."""
    width = (len(listed) - 1).bit_length() if len(listed) else 0
    if len(order) * 8 // max(1, len(listed)) < width:
        return
    stream = np.frombuffer(order, dtype=np.uint8)
    symbols = READER.symbols_of(stream, len(listed), 1, width)[:, 0].tolist()
    part = Part(listed, lambda: stream[: -(-len(listed) * width // 8)], "order")
    try:
        got = [word.encode() for word in part]
    except CorruptError:
        whole = sorted(symbols) == list(range(len(listed)))
        require(not whole or any(not is_text(word) for word in listed), "an order that the slow reader reads")
        return
    by_rank = [word for _, word in sorted(zip(symbols, listed, strict=True))]
    require(got == by_rank, "an order as in the slow reader")
    require([part.find(word) for word in by_rank] == list(range(len(by_rank))), "each word has its rank")


def npy(data: bytes) -> None:
    """First byte: options; the rest is an .npy file with words of its own, which NumPy judges."""
    read(data, ["npy"], expected=reference.npy)


def fasttext(data: bytes) -> None:
    """First byte: options; the rest is a fastText model."""
    with suppress(reference.UndecidedError):
        read(data, ["fasttext-binary"], expected=reference.fasttext)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "text": text,
    "binary": binary,
    "container": container,
    "words": words,
    "npy": npy,
    "fasttext": fasttext,
}


def is_moderate(array: Any) -> bool:
    """Whether products and squares of its numbers neither overflow float32 nor vanish in it."""
    sizes = np.abs(array.astype(np.float64))
    return bool(((sizes < MODERATE) & ((sizes > 1 / MODERATE**2) | (sizes == 0))).all())


def is_text(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def require(condition: bool, what: str) -> None:
    if not condition:
        raise RuntimeError(f"this should hold: {what}")
