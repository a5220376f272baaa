"""Main job and text reading: beside gensim's loader, and the parsers that others use."""

from __future__ import annotations

import hashlib
from typing import Any

from benchmarks.harness import Bar, Contest, Side, agree, timed

Files = dict[str, str]
COLUMNS = 100
FINGERPRINT_ROWS = 1024


def fingerprint(words: Any, vectors: Any) -> dict[str, Any]:
    """Words and float32 values, to the bit; in little memory, since that of reading is measured."""
    import numpy as np

    data = hashlib.sha256()
    for start in range(0, len(vectors), FINGERPRINT_ROWS):
        rows = slice(start, start + FINGERPRINT_ROWS)
        data.update("\n".join(words[rows]).encode())
        data.update(np.ascontiguousarray(vectors[rows], dtype="<f4").data)
    return {"rows": len(words), "sha256": data.hexdigest()}


def embcomp_read(files: Files) -> dict[str, Any]:
    from embcomp.formats import read_embedding

    with timed() as clock:
        embedding = read_embedding(files["source"])
    return {"seconds": clock.seconds, "answer": fingerprint(embedding.words, embedding.vectors)}


def gensim_read(files: Files, name: str = "source", is_binary: bool = False) -> dict[str, Any]:
    from gensim.models import KeyedVectors

    with timed() as clock:
        loaded = KeyedVectors.load_word2vec_format(files[name], binary=is_binary, no_header=not is_binary)
    return {"seconds": clock.seconds, "answer": fingerprint(loaded.index_to_key, loaded.vectors)}


def finalfusion_read(files: Files) -> dict[str, Any]:
    import finalfusion

    with timed() as clock:
        loaded = finalfusion.load_text(files["source"])
    return {"seconds": clock.seconds, "answer": {"rows": len(loaded.vocab.words)}}


def pandas_read(files: Files) -> dict[str, Any]:
    import csv

    import pandas as pd

    types = {0: str} | dict.fromkeys(range(1, COLUMNS + 1), "float32")
    with timed() as clock:
        frame = pd.read_csv(
            files["source"], sep=" ", header=None, quoting=csv.QUOTE_NONE, na_filter=False, dtype=types
        )
        vectors = frame.iloc[:, 1:].to_numpy()
    return {"seconds": clock.seconds, "answer": fingerprint(frame[0].tolist(), vectors)}


def polars_read(files: Files, exact: bool = False) -> dict[str, Any]:
    """``exact``: by float64, which gives the nearest float32 always."""
    import polars as pl

    schema = {"word": pl.String} | {str(column): pl.Float64 if exact else pl.Float32 for column in range(COLUMNS)}
    with timed() as clock:
        frame = pl.read_csv(files["source"], separator=" ", has_header=False, quote_char=None, schema=schema)
        vectors = frame.drop("word").to_numpy().astype("f4", copy=False)
    return {"seconds": clock.seconds, "answer": fingerprint(frame["word"].to_list(), vectors)}


def pyarrow_read(files: Files) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    names = ["word", *map(str, range(COLUMNS))]
    types = {"word": pa.string()} | dict.fromkeys(names[1:], pa.float32())
    with timed() as clock:
        table = csv.read_csv(
            files["source"],
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
            convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[]),
        )
        vectors = np.column_stack([table[name].to_numpy() for name in names[1:]])
    return {"seconds": clock.seconds, "answer": fingerprint(table["word"].to_pylist(), vectors)}


def compress(
    files: Files,
    name: str = "source",
    max_memory: int | None = None,
    rows: int = 0,
    method: str = "iiq",
    **config: Any,
) -> dict[str, Any]:
    """What ``embcomp compress`` does, from file to file without imports; and sizes as in ``embcomp info``."""
    import os
    import tempfile
    from pathlib import Path

    from embcomp.compressors.registry import make_compressor
    from embcomp.container.description import describe
    from embcomp.container.writer import save
    from embcomp.formats import ReadOptions
    from embcomp.pipeline import encode_source

    source = Path(files[name])
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        target = Path(folder) / "out.embc"
        with timed() as clock:
            options = ReadOptions(limit=rows or None)
            encoded = encode_source(source, make_compressor(method, **config), options, max_memory=max_memory)
            save(encoded, target)
        document = describe(target)
        n_rows, dim = document["rows"], document["dim"]
        return {
            "seconds": clock.seconds,
            "rows": n_rows,
            "matrix_mb": 4 * n_rows * dim / 1e6,
            "mb_per_second": source.stat().st_size / 1e6 / clock.seconds,
            "word_bytes": os.path.getsize(target) / n_rows,  # noqa: PTH202
            "vectors_ratio": document["ratio"]["vectors"],
            "answer": {"rows": n_rows, "words": words_of(target)},
        }


def words_of(container: Any) -> str:
    """A digest of the words of a container, in their order."""
    from embcomp.container.reader import open_container

    data = hashlib.sha256()
    for word in open_container(container).vocabulary:
        data.update(word.encode() + b"\n")
    return data.hexdigest()


def same_text(answers: dict[str, Any]) -> str:
    exact = {name: answer for name, answer in answers.items() if "sha256" in answer}
    return f"{agree(exact, 'words and float32 values')}; {same_rows(answers)}"


def same_rows(answers: dict[str, Any]) -> str:
    """As many rows on all sides; finalfusion scales vectors and we compress them, so that values differ."""
    return agree({name: answer["rows"] for name, answer in answers.items()}, "number of rows")


def same_words(answers: dict[str, Any]) -> str:
    return agree({name: answer["words"] for name, answer in answers.items()}, "words and their order")


GENSIM = "gensim load_word2vec_format"
READ = "embcomp read"
COMPRESS, COMPRESS_ALL = "compress iiq", "compress iiq, all rows"

CONTESTS = (
    Contest(
        "text",
        "Reading GloVe text; compressing it from file to file",
        (
            Side(READ, "contests_text:embcomp_read"),
            Side(GENSIM, "contests_text:gensim_read", needs="gensim"),
            Side(COMPRESS, "contests_text:compress"),
            Side(COMPRESS_ALL, "contests_text:compress", {"fit_rows": "all"}),
            Side("pandas", "contests_text:pandas_read", needs="pandas"),
            Side("polars", "contests_text:polars_read", needs="polars"),
            Side("pyarrow", "contests_text:pyarrow_read", needs="pyarrow"),
            Side("finalfusion", "contests_text:finalfusion_read", needs="finalfusion"),
        ),
        (
            Bar("text load", READ, 15, GENSIM, unit="times faster", at_least=True, inverse=True),
            Bar("`compress --method iiq`, file to file", COMPRESS, 0.12, GENSIM, unit="of gensim"),
            Bar(
                "peak memory of compress over the float32 matrix, of which it holds 50,000 rows",
                COMPRESS,
                120,
                quantity="peak_mb",
                unit="MB",
                over="matrix_mb",
            ),
            Bar(
                "the same, `--fit-rows all`, which holds it whole",
                COMPRESS_ALL,
                120,
                quantity="peak_mb",
                unit="MB",
                over="matrix_mb",
            ),
            Bar(
                "ratio, vectors only, at 1 bit per dimension",
                COMPRESS,
                30.5,
                quantity="vectors_ratio",
                unit="×",
                at_least=True,
            ),
            Bar("file, words and source order inside", COMPRESS, 18.5, quantity="word_bytes", unit="bytes per word"),
        ),
        check=same_text,
        note="Peak memory is that of the whole process, interpreter and libraries included. The CSV parsers do not "
        "take words with spaces or ragged lines; they are there for scale.",
    ),
    Contest(
        "cores",
        "Reading GloVe text on one, two and four cores",
        tuple(
            Side(f"{name}, {n}", f"contests_text:{call}", arguments, threads=n, needs=needs)
            for n in (1, 2, 4)
            for name, call, arguments, needs in (
                ("embcomp", "embcomp_read", {}, ""),
                ("polars", "polars_read", {"exact": True}, "polars"),
            )
        ),
        (
            *(
                Bar(f"text load, cores: {n}", f"embcomp, {n}", 1.0, f"polars, {n}", unit="of polars")
                for n in (1, 2, 4)
            ),
            Bar("four cores", "embcomp, 4", 2.8, "embcomp, 1", unit="times faster", at_least=True, inverse=True),
            Bar("peak memory", "embcomp, 4", 250, quantity="peak_mb", unit="MB"),
        ),
        same_text,
    ),
    Contest(
        "compress",
        "Compressing GloVe text from file to file",
        (
            Side(GENSIM, "contests_text:gensim_read", needs="gensim"),
            Side("iiq, 2", "contests_text:compress"),
            Side("iiq, 4", "contests_text:compress", threads=4),
            Side("additive, 2", "contests_text:compress", {"method": "additive"}),
        ),
        (
            Bar("iiq, two cores", "iiq, 2", 0.08, GENSIM, unit="of gensim's load"),
            Bar("iiq, four cores", "iiq, 4", 0.06, GENSIM, unit="of gensim's load"),
            Bar("additive, two cores", "additive, 2", 10, unit="s"),
        ),
        same_rows,
    ),
    Contest(
        "binary",
        "Compressing a binary word2vec file",
        (
            Side("compress sign", "contests_text:compress", {"name": "binary", "method": "sign"}),
            Side(GENSIM, "contests_text:gensim_read", {"name": "binary", "is_binary": True}, needs="gensim"),
        ),
        (Bar("`compress --method sign`, file to file", "compress sign", 1.2, GENSIM, unit="of gensim"),),
        same_rows,
        needs=("binary",),
    ),
)
