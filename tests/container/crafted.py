"""Containers with right checksums that ask for far more than they hold."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from embcomp.api import compress
from embcomp.container.writer import write
from embcomp.vocabulary.part import pack_order
from embcomp.wordlist import Texts, WordListWriter
from embcomp.wordlist.wordlist import HEAD
from embcomp.wordlist.writing import write_pages
from tests.container.builder import Parts, encoded

SHARED, PAGE_WORDS = 600, 100


def parts_of(method: str, **config: object) -> Parts:
    """A container of six words and five dimensions, taken apart."""
    file = io.BytesIO()
    write(encoded(method, **config), file)
    return Parts(file.getvalue())


def wide_pruned(path: Path, dim: int) -> None:
    """Six rows of five numbers, and all columns beyond them."""
    parts = parts_of("prune", fraction=0.5)
    parts.document["dim"] = dim
    parts.set_bytes("state.dim", np.array([dim], dtype="<i4").tobytes())
    columns = np.frombuffer(parts.bytes["state.columns"], np.uint8).astype("<u2")
    parts.set_bytes("state.columns", columns.tobytes())
    parts.section("state.columns")["dtype"] = "<u2"
    path.write_bytes(parts.build())


def many_wide_rows(path: Path, n_rows: int, dim: int) -> None:
    """Pruned rows without any number."""
    words = [b"%06d" % row for row in range(n_rows)]
    writer = WordListWriter()
    writer.add(Texts.of_bytes(words))
    index, pages = writer.finish()
    parts = parts_of("prune", fraction=0.5)
    parts.document |= {"rows": n_rows, "dim": dim, "parts": [n_rows]}
    parts.document["bands"][0]["end"] = n_rows
    for name, array in {
        "words.0.index": np.frombuffer(index, np.uint8),
        "words.0.pages": np.frombuffer(pages, np.uint8),
        "state.dim": np.array([dim], "<i4"),
        "state.ends": np.zeros(n_rows, "<u4"),
        "state.columns": np.zeros(0, "<u2"),
        "state.values": np.zeros(0, "<f4"),
    }.items():
        parts.section(name)["dtype"] = array.dtype.str
        parts.set_bytes(name, array.tobytes(), [len(array)])
    parts.remove("order.0")
    path.write_bytes(parts.build())


def similar_words(path: Path, n_pages: int, *, ordered: bool) -> int:
    """Pages of 100 words that begin with 600 equal bytes, without codes; returns how many bytes all words have."""
    index, pages, text_bytes = _similar_pages(n_pages)
    n_words = n_pages * PAGE_WORDS
    parts = parts_of("alone", epochs=1, inter=1)
    parts.document |= {"rows": n_words, "parts": [n_words]}
    parts.document["bands"][0]["end"] = n_words
    parts.set_bytes("words.0.index", index, [len(index)])
    parts.set_bytes("words.0.pages", pages, [len(pages)])
    order = pack_order([np.arange(n_words)[::-1]], n_words).tobytes()
    if ordered:
        parts.set_bytes("order.0", order, [len(order)])
    else:
        parts.remove("order.0")
    path.write_bytes(parts.build())
    return text_bytes


def _similar_pages(n_pages: int) -> tuple[bytes, bytes, int]:
    """The same stream for all pages, whose first words differ in their first bytes."""
    firsts = [b"%06d" % page + b"a" * (SHARED - 6) for page in range(n_pages)]
    words = [firsts[0], *(firsts[0] + b"%02d" % number for number in range(1, PAGE_WORDS))]
    ((_, _, text_bytes, stream),) = write_pages(Texts.of_bytes(words))
    table = np.array([[PAGE_WORDS, SHARED, len(stream)]] * n_pages, dtype="<u4")
    head = HEAD.pack(n_pages * text_bytes, n_pages)
    return head + table.tobytes() + b"".join(firsts), stream * n_pages, n_pages * text_bytes


def large_sources(path: Path, kind: str, n_matrices: int) -> int:
    """A network for five dimensions and source matrices of 65,536 columns; returns how many numbers these have."""
    parts = parts_of("alone", filter=kind, epochs=1, inter=1)
    parts.document["config"] |= {"columns": 2**16, "matrices": n_matrices}
    path.write_bytes(parts.build())
    return n_matrices * 2**16 * 5


def wide_signs(path: Path, dim: int) -> None:
    """Twenty rows of as many bits."""
    vectors = np.random.default_rng(0).standard_normal((20, dim)).astype(np.float32)
    compress([f"w{row}" for row in range(20)], vectors, "sign").save(path)
