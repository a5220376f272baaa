"""How time and memory grow with words: many made from few, compressed, checked, extended and written back.

    python -m benchmarks.words data/glove.6B.100d.txt --rows 1000000 10000000 --max-memory 500MB

Rows are those of the source over and over, and their words have a number behind them from the second time on. Each
command is a process of its own on one thread; what is measured is its processor time and its peak resident memory.
The files need 4 bytes a number, twice.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.formats import read_embedding, write_embedding

MORE_WORDS = 10_000


def repeated(words: list[str], vectors: FloatArray, n_rows: int) -> Iterator[tuple[list[str], FloatArray]]:
    """Yield ``n_rows`` distinct words and their vectors."""
    for number in range(-(-n_rows // len(words))):
        left = n_rows - number * len(words)
        yield [f"{word}_{number}" if number else word for word in words[:left]], vectors[:left]


def measured(*arguments: str) -> tuple[float, float]:
    """Run a command; return seconds of its processor time, and megabytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "embcomp", *arguments]
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    ended = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(ended.stdout.split()[-1]) / 1000


def runs(folder: Path, methods: list[str], max_memory: str) -> Iterator[tuple[str, tuple[float, float]]]:
    """Measure every command on ``rows.bin``."""
    source, target, quiet = str(folder / "rows.bin"), str(folder / "x.embc"), ["--threads", "1", "--force", "-q"]
    for method in methods:
        command = ["compress", source, "-o", target, "--method", method, *quiet]
        yield f"compress --method {method} --max-memory {max_memory}", measured(*command, "--max-memory", max_memory)
        yield f"compress --method {method}", measured(*command)
    yield "info", measured("info", target)
    yield "verify", measured("verify", target)
    more = ["add", target, str(folder / "more.bin"), "-o", str(folder / "y.embc"), *quiet]
    yield f"add {MORE_WORDS:,} words", measured(*more)
    (folder / "y.embc").unlink()
    yield "decompress", measured("decompress", target, "-o", str(folder / "z.bin"), *quiet)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000])
    parser.add_argument("--methods", nargs="+", default=["iiq", "transform"])
    parser.add_argument("--max-memory", default="500MB")
    parser.add_argument("--folder", help="for the files; the system's folder for temporary files if absent")
    given = parser.parse_args()
    embedding = read_embedding(given.source)
    words, vectors = list(embedding.words), embedding.vectors
    print("| rows | command | seconds | MB |\n| ---: | --- | ---: | ---: |")
    for n_rows in given.rows:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            rows = repeated(words, vectors, n_rows)
            write_embedding(f"{name}/rows.bin", "word2vec-binary", rows, n_rows, embedding.dim)
            more = [
                ([f"new {number}" for number in range(MORE_WORDS)], np.resize(vectors, (MORE_WORDS, embedding.dim)))
            ]
            write_embedding(f"{name}/more.bin", "npy", more, MORE_WORDS, embedding.dim)
            for what, (seconds, megabytes) in runs(Path(name), given.methods, given.max_memory):
                print(f"| {n_rows:,} | `{what}` | {seconds:.1f} | {megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()
