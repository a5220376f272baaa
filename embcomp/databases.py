"""Binary codes for other programs: one row of bits for each word, as databases and indexes take them.

Bit j of a row is the sign of dimension j of the code, the most significant bit of a byte first; bits that fill the
last byte are 0. Hamming distances do not depend on that order. Rows are numbered from 0, in the order of the file.

*faiss*       ``IndexBinaryFlat``, a file that ``faiss.read_index_binary`` opens; ids are rows
*usearch*     an index of ``b1`` vectors and Hamming distances, by the package usearch; keys are rows
*npy*         uint8, shape (rows, bytes), and after it the words, as :mod:`embcomp.formats.npy` writes them
*parquet*     columns ``row``, ``word`` and ``code``, a list of bytes of fixed size: what LanceDB searches
*pgvector*    SQL for psql: a column ``bit(n)``, ranked by pgvector's ``<~>`` or PostgreSQL's ``bit_count(a # b)``
*sqlite-vec*  SQL for SQLite: a virtual table with a column ``bit[n]``
*duckdb*      SQL for DuckDB: a column ``BIT``, ranked by ``bit_count(xor(…))``
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from embcomp import bits
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError, ParameterError
from embcomp.files import writing
from embcomp.formats import arrow_files
from embcomp.plugins import extra

BATCH_ROWS = 1 << 13
SUFFIXES = {".faiss": "faiss", ".usearch": "usearch", ".npy": "npy", ".parquet": "parquet"}


class BitRows(NamedTuple):
    """Words and their bits."""

    n_rows: int
    n_bits: int
    batches: Iterator[tuple[int, list[str], bits.BytesArray]]
    """First row, words, and uint8 of shape (k, bytes)."""

    @property
    def n_bytes(self) -> int:
        """Of a row."""
        return bits.row_bytes(self.n_bits)


def write_codes(target: str | Path, to: str, encoded: EncodedEmbedding, *, force: bool = False) -> int:
    """Write the codes of all words for another program; return the bits of a row.

    ``target`` is a file, or ``-`` for standard output; ``to`` a name of :data:`TARGETS`.

    Raises:
        ParameterError: codes are not binary, or there is no such target.
        OutputError: the file cannot be written, or a word cannot be held.
    """
    if to not in TARGETS:
        raise ParameterError(f"`to` must be one of {', '.join(TARGETS)} for codes, got {to!r}")
    rows = bit_rows(encoded)
    with writing(target, force=force) as out:
        TARGETS[to](out, rows)
    return rows.n_bits


def bit_rows(encoded: EncodedEmbedding) -> BitRows:
    """Return the bits of all rows; ``ParameterError`` if codes are not binary, or have several widths."""
    layouts = {(band.layout.kind, band.layout.symbols) for band in encoded.codes.bands}
    kind, n_bits = min(layouts)
    if len(layouts) > 1 or kind != "binary":
        raise ParameterError(f"{encoded.compressor.name}: codes must be binary and of one width, got {kind!r}")
    return BitRows(len(encoded), n_bits, _batches(encoded, n_bits))


def _batches(encoded: EncodedEmbedding, n_bits: int) -> Iterator[tuple[int, list[str], bits.BytesArray]]:
    words = iter(encoded.vocabulary)
    last = np.uint8(0xFF << (-n_bits % 8) & 0xFF)
    for start in range(0, len(encoded), BATCH_ROWS):
        rows = np.arange(start, min(start + BATCH_ROWS, len(encoded)), dtype=np.int64)
        codes = encoded.codes_at(rows)[:, : bits.row_bytes(n_bits)].copy()  # without the bits of a length
        codes[:, -1] &= last
        yield start, list(islice(words, len(rows))), codes


def _write_faiss(out: BinaryIO, rows: BitRows) -> None:
    """``IBxF``, then dimensions, bytes of a row, rows, whether trained, metric; then the codes."""
    n_bits = 8 * rows.n_bytes
    out.write(b"IBxF" + struct.pack("<iiq?i", n_bits, rows.n_bytes, rows.n_rows, True, 1))
    out.write(struct.pack("<Q", rows.n_rows * rows.n_bytes))
    for _, _, codes in rows.batches:
        out.write(codes.tobytes())


def _write_usearch(out: BinaryIO, rows: BitRows) -> None:
    index = extra("usearch.index", "usearch")
    built = index.Index(ndim=8 * rows.n_bytes, metric=index.MetricKind.Hamming, dtype=index.ScalarKind.B1)
    for start, _, codes in rows.batches:
        built.add(np.arange(start, start + len(codes), dtype=np.uint64), codes, threads=1)
    out.write(built.save())


def _write_npy(out: BinaryIO, rows: BitRows) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (rows.n_rows, rows.n_bytes)}
    np.lib.format.write_array_header_1_0(out, header)
    text = bytearray()
    for _, words, codes in rows.batches:
        out.write(codes.tobytes())
        for word in words:
            if "\n" in word:
                raise OutputError(f"the word {word!r} cannot be written in this format, expected no line feeds")
            text += word.encode() + b"\n"
    np.lib.format.write_array(out, np.frombuffer(text, dtype=np.uint8), (1, 0))


def _write_pgvector(out: BinaryIO, rows: BitRows) -> None:
    out.write(
        b"CREATE TABLE codes (row integer PRIMARY KEY, word text NOT NULL, code bit(%d) NOT NULL);\n"
        b"COPY codes (row, word, code) FROM stdin;\n" % rows.n_bits
    )
    escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    for row, word, code in _texts(rows, "PostgreSQL"):
        out.write(f"{row}\t{word.translate(escapes)}\t{code}\n".encode())
    out.write(b"\\.\n")


def _write_sqlite_vec(out: BinaryIO, rows: BitRows) -> None:
    out.write(
        b"BEGIN;\nCREATE TABLE words (row integer PRIMARY KEY, word text NOT NULL);\n"
        b"CREATE VIRTUAL TABLE codes USING vec0(row integer PRIMARY KEY, code bit[%d]);\n" % (8 * rows.n_bytes)
    )
    for row, word, code in _texts(rows, "SQLite"):
        data = int(code.ljust(8 * rows.n_bytes, "0"), 2)
        out.write(f"INSERT INTO words VALUES ({row}, {_quoted(word)});\n".encode())
        out.write(f"INSERT INTO codes VALUES ({row}, vec_bit(X'{data:0{2 * rows.n_bytes}x}'));\n".encode())
    out.write(b"COMMIT;\n")


def _write_duckdb(out: BinaryIO, rows: BitRows) -> None:
    out.write(b"BEGIN;\nCREATE TABLE codes (row INTEGER PRIMARY KEY, word VARCHAR NOT NULL, code BIT NOT NULL);\n")
    values = (f"({row}, {_quoted(word)}, '{code}'::BIT)" for row, word, code in _texts(rows, "DuckDB"))
    while some := ", ".join(islice(values, 500)):
        out.write(f"INSERT INTO codes VALUES {some};\n".encode())
    out.write(b"COMMIT;\n")


def _texts(rows: BitRows, program: str) -> Iterator[tuple[int, str, str]]:
    """Yield rows, words, and bits as digits 0 and 1, that of dimension 0 first."""
    for start, words, codes in rows.batches:
        digits = np.unpackbits(codes, axis=1)[:, : rows.n_bits] + ord("0")
        for row, (word, code) in enumerate(zip(words, digits, strict=True), start):
            if "\0" in word:
                raise OutputError(f"the word {word!r} cannot be written for {program}, expected no character 0")
            yield row, word, code.tobytes().decode("ascii")


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


TARGETS: dict[str, Callable[[BinaryIO, BitRows], None]] = {
    "faiss": _write_faiss,
    "usearch": _write_usearch,
    "npy": _write_npy,
    "parquet": lambda out, rows: arrow_files.write_codes(out, rows.n_bytes, rows.batches),
    "pgvector": _write_pgvector,
    "sqlite-vec": _write_sqlite_vec,
    "duckdb": _write_duckdb,
}
"""What writes codes, by name."""
