"""Codes in the programs that search them: the neighbours that each finds are ours."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.databases import TARGETS, bit_rows, write_codes
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError, ParameterError
from embcomp.formats import ReadOptions
from embcomp.pipeline import encode_source

N_ROWS, N_QUERIES, N_NEIGHBOURS = 10_000, 100, 10
ODD = ["it's", "tab\there", "back\\slash", 'quo"te', "été", "\u2028", ";", "--", ""]


@pytest.fixture(scope="module", params=[48, 52])
def encoded(request: pytest.FixtureRequest) -> EncodedEmbedding:
    """Ten thousand words with codes of whole bytes, or not."""
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((N_ROWS, request.param)).astype(np.float32)
    words = [*ODD, *(f"w{number}" for number in range(N_ROWS - len(ODD)))]
    return EncodedEmbedding.encode(Embedding(words, vectors), make_compressor("sign"))


def distances(encoded: EncodedEmbedding) -> np.ndarray:
    """Hamming distances of the queries, the first rows, to all rows, by the plainest way."""
    signs = encoded.decode_all() > 0
    return np.array([(signs != row).sum(axis=1) for row in signs[:N_QUERIES]])


def expected(encoded: EncodedEmbedding) -> list[list[tuple[int, int]]]:
    """Neighbours of each query: by distance, then by row."""
    return [
        [(int(row), int(each[row])) for row in np.argsort(each, kind="stable")[:N_NEIGHBOURS]]
        for each in distances(encoded)
    ]


def queries(encoded: EncodedEmbedding) -> np.ndarray:
    return next(bit_rows(encoded).batches)[2][:N_QUERIES]


def test_bits_are_the_signs_of_the_dimensions_first_one_highest(encoded: EncodedEmbedding) -> None:
    signs = encoded.decode_rows(np.arange(N_QUERIES)) > 0
    assert np.array_equal(queries(encoded), np.packbits(signs, axis=1))


def test_lengths_of_rows_are_left_out() -> None:
    vectors = np.random.default_rng(2).standard_normal((50, 13)).astype(np.float32)
    long = vectors * np.arange(1, 51, dtype=np.float32)[:, None]
    words = [f"w{number}" for number in range(50)]
    with_lengths = EncodedEmbedding.encode(Embedding(words, long), make_compressor("sign", lengths=5))
    rows = bit_rows(with_lengths)
    assert (rows.n_bits, rows.n_bytes) == (13, 2)
    assert with_lengths.codes.bands[0].layout.length_bits == 5
    assert np.array_equal(next(rows.batches)[2], np.packbits(with_lengths.decode_all() > 0, axis=1))


def resolved(ids: np.ndarray, found: np.ndarray) -> list[list[tuple[int, int]]]:
    """Neighbours by distance and row, of more than are wanted: the programs order ties as they like."""
    pairs = [sorted(zip(each.tolist(), rows.tolist(), strict=True)) for rows, each in zip(ids, found, strict=True)]
    return [[(row, int(distance)) for distance, row in each[:N_NEIGHBOURS]] for each in pairs]


def test_faiss(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss", reason="faiss is not installed")
    write_codes(tmp_path / "o.faiss", "faiss", encoded)
    index = faiss.read_index_binary(str(tmp_path / "o.faiss"))
    assert (index.ntotal, index.is_trained) == (N_ROWS, True)
    found, ids = index.search(queries(encoded), 1000)
    assert resolved(ids, found) == expected(encoded)


def test_faiss_bytes(tmp_path: Path) -> None:
    small = EncodedEmbedding.encode(
        Embedding(["a", "b"], np.array([[1] * 9, [-1] * 9], dtype=np.float32)), make_compressor("sign")
    )
    write_codes(tmp_path / "o", "faiss", small)
    head = b"IBxF" + struct.pack("<iiq", 16, 2, 2) + b"\1" + struct.pack("<iq", 1, 4)
    assert (tmp_path / "o").read_bytes() == head + b"\xff\x80\x00\x00"


def test_usearch(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    usearch = pytest.importorskip("usearch.index", reason="usearch is not installed")
    write_codes(tmp_path / "o.usearch", "usearch", encoded)
    index = usearch.Index.restore(str(tmp_path / "o.usearch"))
    matches = index.search(queries(encoded), 1000, exact=True)
    assert resolved(matches.keys, matches.distances) == expected(encoded)


def test_npy(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    write_codes(tmp_path / "o.npy", "npy", encoded)
    with (tmp_path / "o.npy").open("rb") as file:
        codes, text = np.load(file), np.load(file)
    assert np.array_equal(codes, np.packbits(encoded.decode_all() > 0, axis=1))
    assert text.tobytes().decode().split("\n")[:-1] == encoded.words
    assert np.array_equal(np.load(tmp_path / "o.npy"), codes)


def test_parquet(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    write_codes(tmp_path / "o.parquet", "parquet", encoded)
    table = parquet.read_table(tmp_path / "o.parquet")
    assert table["word"].to_pylist() == encoded.words
    assert table["row"].to_pylist() == list(range(N_ROWS))
    codes = np.array(table["code"].to_pylist(), dtype=np.uint8)
    assert np.array_equal(codes, np.packbits(encoded.decode_all() > 0, axis=1))


def test_lancedb(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    write_codes(tmp_path / "o.parquet", "parquet", encoded)
    table = lancedb.connect(tmp_path / "db").create_table("codes", parquet.read_table(tmp_path / "o.parquet"))
    found = [
        table.search(code).distance_type("hamming").limit(1000).select(["row", "_distance"]).to_arrow()
        for code in queries(encoded)
    ]
    ids = np.array([each["row"].to_pylist() for each in found])
    assert resolved(ids, np.array([each["_distance"].to_pylist() for each in found])) == expected(encoded)


def sql_neighbours(run: Callable[[str], Any], template: str, codes: list[str]) -> list[list[tuple[int, int]]]:
    return [[(int(row), int(distance)) for row, distance in run(template.format(code))] for code in codes]


def bit_texts(encoded: EncodedEmbedding) -> list[str]:
    return ["".join("01"[bit] for bit in row) for row in (encoded.decode_rows(np.arange(N_QUERIES)) > 0).astype(int)]


def test_duckdb(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    write_codes(tmp_path / "o.sql", "duckdb", encoded)
    database = duckdb.connect()
    database.execute((tmp_path / "o.sql").read_text(encoding="utf-8"))
    rank = "SELECT row, bit_count(xor(code, '{}'::BIT)) AS distance FROM codes ORDER BY distance, row LIMIT 10"
    assert sql_neighbours(lambda sql: database.execute(sql).fetchall(), rank, bit_texts(encoded)) == expected(encoded)
    assert [word for (word,) in database.execute("SELECT word FROM codes ORDER BY row").fetchall()] == encoded.words


def test_sqlite_vec(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    sqlite_vec = pytest.importorskip("sqlite_vec", reason="sqlite-vec is not installed")
    write_codes(tmp_path / "o.sql", "sqlite-vec", encoded)
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        database: Any = sqlite3.connect(":memory:")
    else:
        database = pytest.importorskip("apsw", reason="this sqlite3 loads no extensions").Connection(":memory:")
    database.enable_load_extension(True)
    sqlite_vec.load(database)
    getattr(database, "executescript", database.execute)((tmp_path / "o.sql").read_text(encoding="utf-8"))
    rank = (
        "WITH found AS MATERIALIZED (SELECT row, distance FROM codes WHERE code MATCH vec_bit(X'{}') AND k = 1000) "
        "SELECT row, distance FROM found ORDER BY distance, row LIMIT 10"
    )
    codes = [code.tobytes().hex() for code in queries(encoded)]
    assert sql_neighbours(lambda sql: database.execute(sql).fetchall(), rank, codes) == expected(encoded)
    assert [word for (word,) in database.execute("SELECT word FROM words ORDER BY row")] == encoded.words
    database.close()


def test_pgvector(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    write_codes(tmp_path / "o.sql", "pgvector", encoded)
    text = (tmp_path / "o.sql").read_bytes().decode()
    assert f"code bit({encoded.dim})" in text
    lines = text[text.index("FROM stdin;\n") + 12 :].removesuffix("\\.\n").split("\n")[:-1]
    rows, words, codes = zip(*(line.split("\t") for line in lines), strict=True)
    assert rows == tuple(map(str, range(N_ROWS)))
    assert list(words[:3]) == ["it's", "tab\\there", "back\\\\slash"]
    assert list(codes[:N_QUERIES]) == bit_texts(encoded)


@pytest.mark.parametrize("distance", ["bit_count(code # B'{}')", "code <~> B'{}'"], ids=["core", "pgvector"])
def test_postgresql(encoded: EncodedEmbedding, tmp_path: Path, distance: str) -> None:
    database = os.environ.get("EMBCOMP_TEST_POSTGRESQL")
    if not database:
        pytest.skip("set EMBCOMP_TEST_POSTGRESQL to a connection string of psql, for an empty database")
    write_codes(tmp_path / "o.sql", "pgvector", encoded)

    def psql(text: str) -> list[list[str]]:
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", database],
            input=text.encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return [line.split("|") for line in done.stdout.decode().splitlines()]

    if "<~>" in distance:
        if not psql("SELECT 1 FROM pg_available_extensions WHERE name = 'vector';"):
            pytest.skip("this PostgreSQL has no pgvector")
        psql("CREATE EXTENSION IF NOT EXISTS vector;")
    psql("DROP TABLE IF EXISTS codes;\n" + (tmp_path / "o.sql").read_bytes().decode())
    rank = f"SELECT row, {distance} AS distance FROM codes ORDER BY distance, row LIMIT 10;"
    found = psql("\n".join(rank.format(code) for code in bit_texts(encoded)))
    pairs = [(int(row), int(distance)) for row, distance in found]
    assert [pairs[start : start + 10] for start in range(0, len(pairs), 10)] == expected(encoded)
    [[n_equal]] = psql("SELECT count(*) FROM codes WHERE (row, word) IN ((0, 'it''s'), (1, E'tab\\there'), (8, ''));")
    assert n_equal == "3"


PGLITE = """\
import { readFileSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";

const [create, data] = readFileSync(process.argv[2], "utf8").split("COPY codes (row, word, code) FROM stdin;\\n");
const database = await PGlite.create({ extensions: { vector } });
await database.exec("CREATE EXTENSION vector;" + create);
const blob = new Blob([data.slice(0, data.lastIndexOf("\\\\."))]);
await database.query("COPY codes (row, word, code) FROM '/dev/blob'", [], { blob });
const rank = "SELECT row, code <~> $1 AS distance FROM codes ORDER BY distance, row LIMIT 10";
const found = [];
for (const code of readFileSync(process.argv[3], "utf8").split(" "))
  found.push((await database.query(rank, [code])).rows.map(({ row, distance }) => [row, distance]));
console.log(JSON.stringify(found));
"""


def test_pgvector_in_webassembly(encoded: EncodedEmbedding, tmp_path: Path) -> None:
    folder = os.environ.get("EMBCOMP_TEST_PGLITE")
    if not folder:
        pytest.skip("set EMBCOMP_TEST_PGLITE to a folder with @electric-sql/pglite and pglite-pgvector from npm")
    write_codes(tmp_path / "o.sql", "pgvector", encoded)
    (tmp_path / "queries").write_text(" ".join(bit_texts(encoded)), encoding="ascii")
    command = ["node", "--input-type=module", "-", tmp_path / "o.sql", tmp_path / "queries"]
    done = subprocess.run(command, input=PGLITE, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [[tuple(pair) for pair in each] for each in json.loads(done.stdout)] == expected(encoded)


def test_the_example_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "search-in-a-database.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    sample = resources.files("embcomp") / "data" / "glove.6B.100d.sample.txt.gz"
    with resources.as_file(sample) as path:
        source = encode_source(path, make_compressor("iiq"), ReadOptions())
    save(source, "glove.embc")
    write_codes("codes.sql", "duckdb", source)
    found: dict[str, Any] = {}
    exec(page.split("```py\n")[1].split("```")[0], found)
    assert {"cold", "winter"} < set(found["best"])


def words(*listed: str) -> EncodedEmbedding:
    return EncodedEmbedding.encode(
        Embedding(listed, np.eye(len(listed), 3, dtype=np.float32)), make_compressor("sign")
    )


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        ("npy", r"the word 'x\\ny' cannot be written in this format, expected no line feeds"),
        ("duckdb", r"the word 'x\\x00y' cannot be written for DuckDB, expected no character 0"),
        ("sqlite-vec", r"the word 'x\\x00y' cannot be written for SQLite, expected no character 0"),
        ("pgvector", r"the word 'x\\x00y' cannot be written for PostgreSQL, expected no character 0"),
    ],
)
def test_words_that_cannot_be_held(tmp_path: Path, to: str, problem: str) -> None:
    with pytest.raises(OutputError, match=f"^{problem}$"):
        write_codes(tmp_path / "o", to, words("a", "x\ny" if to == "npy" else "x\0y"))
    assert list(tmp_path.iterdir()) == []


def test_codes_that_are_not_binary(tmp_path: Path) -> None:
    indexed = EncodedEmbedding.encode(
        Embedding(list("abcd"), np.eye(4, dtype=np.float32)), make_compressor("kd", dims=2, ways=2)
    )
    with pytest.raises(ParameterError, match=r"^kd: codes must be binary and of one width, got 'indexed'$"):
        write_codes(tmp_path / "o", "faiss", indexed)
    with pytest.raises(ParameterError, match=f"^`to` must be one of {', '.join(TARGETS)} for codes, got 'x'$"):
        write_codes(tmp_path / "o", "x", indexed)
