"""Quality against bytes: embcomp's methods, their peers, and a file of the frequent words only, at equal file sizes.

    python benchmarks/frontier.py SOURCE --data FOLDER [--only NAME,…]     run what is not recorded, then the page
    python benchmarks/frontier.py                                          docs/frontier.md from what is recorded

A *width* is a number of bits per word. It stands for the bytes of the file that `transform` writes at that width, and
every other side gets the largest file of about that size. ``benchmarks/results/frontier.jsonl`` has a line for the
run, then one for each side, width and seed; what is stopped goes on where it was. Seeds after the first are scored on
similarity only, but for ``FULLY``. FOLDER has the data sets of docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from frontier_page import PAGE, write_page  # noqa: E402
from frontier_peers import PEERS, SLACK, Space, decoded_by, file_bytes, fitting_shape, vocabulary_bytes  # noqa: E402

from embcomp.arrays import FloatArray  # noqa: E402
from embcomp.compressors.registry import compressor_class, make_compressor  # noqa: E402
from embcomp.container.description import describe  # noqa: E402
from embcomp.container.reader import open_container  # noqa: E402
from embcomp.container.writer import save  # noqa: E402
from embcomp.embedding import Embedding  # noqa: E402
from embcomp.encoded import EncodedEmbedding  # noqa: E402
from embcomp.eval import fidelity  # noqa: E402
from embcomp.eval.neighbours import nearest  # noqa: E402
from embcomp.eval.run import Chosen, choose, measure  # noqa: E402
from embcomp.eval.score import Score  # noqa: E402
from embcomp.eval.statistics import IntArray  # noqa: E402
from embcomp.eval.suite import Settings  # noqa: E402
from embcomp.eval.target import Target  # noqa: E402
from embcomp.formats import read_embedding  # noqa: E402
from embcomp.threads import set_threads  # noqa: E402

RECORDS = ROOT / "benchmarks" / "results" / "frontier.jsonl"
WIDTHS = (800, 400, 200, 100, 50, 25, 12)
SUITES = ("similarity", "categorization", "analogy", "fidelity")
SETS = {
    "similarity": ("MEN", "MTurk-287", "RG-65", "RW", "SimLex-999", "WS-353"),
    "categorization": ("AP", "BLESS", "Battig", "ESSLLI-2c"),
    "analogy": ("Google", "MSR"),
}
REFERENCE = "transform"
DEFAULT = "additive"
OURS = {REFERENCE: WIDTHS, DEFAULT: WIDTHS[2:], "iiq": WIDTHS[3:], "itq": WIDTHS[3:], "kd": WIDTHS[3:]}
GRADED = ("iiq", "itq")
"""Methods that have a grade, and none by default."""
SEEDS = {DEFAULT: 5, "iiq": 5, "itq": 5, "kd": 5, "pq": 5, "opq": 5, "rq": 5, "lsq": 3, "faiss-itq": 5, "rabitq": 5}
PEER_WIDTHS = {"pq": WIDTHS[2:], "opq": WIDTHS[2:], "rq": WIDTHS[3:], "lsq": WIDTHS[:2:-1], "rabitq": WIDTHS[1:]}
"""Of peers that take hours at more bits, or are not meant for them."""
FULLY = (DEFAULT, (100, 50))  # and these widths, with all seeds
FIRST, DRAWN = 20_000, 20_000
"""Words that are the candidates of the second kind of recall: the first ones, and some drawn from the others."""
BANDS = {"< 10k": (0, 10_000), "10k-30k": (10_000, 30_000), "30k-100k": (30_000, 100_000), "rest": (100_000, None)}
N_QUERIES, DEPTH = 400, 10
FIRST_WORDS = {"first words, 200 bits": 200, "first words, 100 bits": 100}

Record = dict[str, Any]
Made = tuple[Target, int, dict[str, Any]]
"""What is scored, the bytes of its file, and what it was made with."""


@dataclass(frozen=True)
class Side:
    """One thing to score: a name, a width, a seed, and how it is made; ``None`` if nothing has the size."""

    name: str
    width: int
    seed: int
    make: Callable[[], Made | None]


class Padded(Embedding):
    """A file of some words, with zeros for the others."""

    made: Target

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source to the space of the file."""
        return self.made.align(vectors)


class Bench:
    """The source and what is made from it."""

    def __init__(self, source: Embedding, chosen: Chosen, folder: Path) -> None:
        self.source, self.chosen, self.folder = source, chosen, folder
        self.spaces = {name: Space(source, isotropic=name == "isotropic") for name in ("isotropic", "raw")}
        self.vocabulary_bytes = vocabulary_bytes(source)
        self._wanted: dict[int, int] = {}
        self._before: list[IntArray] = []
        fidelity.nearest = self.nearest  # type: ignore[assignment]

    def nearest(self, target: Target, *arguments: Any) -> IntArray:
        """Neighbours; those in the source, which are the same for every side, are looked for once."""
        if target is not self.source:
            return nearest(target, *arguments)
        self._before = self._before or [nearest(target, *arguments)]
        return self._before[0]

    def wanted(self, width: int) -> int:
        """Bytes of the file that a width stands for."""
        if width not in self._wanted:
            self._wanted[width] = self.compressed(REFERENCE, {"bits": width})[1]
        return self._wanted[width]

    def compressed(self, method: str, config: dict[str, Any], n_words: int | None = None) -> Made:
        """A file of one of embcomp's methods, of the first words only if so wanted."""
        source = self.source
        part = Embedding(source.words[:n_words], source.vectors[:n_words], source.source) if n_words else source
        path = self.folder / "one.embc"
        save(EncodedEmbedding.encode(part, make_compressor(method, **config)), path, force=True)
        made = {"config": config, "bits": describe(path)["bits_per_vector"], "words": len(part)}
        return open_container(path), path.stat().st_size, made

    def room(self, width: int) -> int:
        """Bytes that a peer's file may have: 1 % more than a width stands for, or those of the default method."""
        own = [each["bytes"] for each in read_records() if (each.get("side"), each.get("width")) == (DEFAULT, width)]
        return max([int(SLACK * self.wanted(width)), *own[:1]])

    def method(self, name: str, width: int, seed: int, **given: Any) -> Made:
        """One of embcomp's methods at a width."""
        kind = compressor_class(name)
        config = given | (kind.options_for_bits(width, self.source.dim, {}) or {})
        option = kind.option_for("seed")
        return self.compressed(name, config | ({} if option is None else {option.name: seed}))

    def in_space(self, method: str, space: str, width: int) -> Made:
        """A method whose vectors come back in a space that it has not by default at this width."""
        return self.compressed(method, {"bits": width, "space": space})

    def first_words(self, bits: int, width: int) -> Made:
        """As many of the first words as fit, at equal bits each."""
        config = {"bits": bits, "grade": 0, "space": "isotropic"}
        wanted, n_words = self.wanted(width), len(self.source)
        for _ in range(4):
            made = self.compressed(REFERENCE, config, n_words)
            n_words = min(len(self.source), round(n_words * wanted / made[1]))
        return self.compressed(REFERENCE, config, n_words)

    def peer(self, name: str, space: str, width: int, seed: int) -> Made | None:
        """A peer with a file of about the size of a width."""
        peer, rows = PEERS[name], self.spaces[space]
        shape = fitting_shape(peer, rows, self.room(width), self.vocabulary_bytes)
        if shape is None:
            return None
        n_bytes = file_bytes(peer, rows, shape, self.vocabulary_bytes)
        return (
            decoded_by(peer, rows, shape, seed),
            n_bytes,
            {"config": shape, "bits": peer.bits(shape, self.source.dim), "space": space},
        )

    def float_vectors(self, space: str) -> Made:
        """The source, as it is or isotropic."""
        rows = self.spaces[space]
        isotropic = Embedding(self.source.words, rows.rows, self.source.source)
        return self.source if space == "raw" else isotropic, 4 * self.source.vectors.size, {"space": space}

    def settings(self, suite: str) -> Settings:
        """The baseline for asymmetric values; of analogies 3CosAdd only."""
        return Settings(baseline=self.source, first_only=suite == "analogy")

    def target(self, made: Target, suite: str) -> Target:
        """What to score; for neighbours, words that are missing have zeros: near nothing, and with no neighbours."""
        if suite != "fidelity" or len(made) == len(self.source):
            return made
        rows = made.rows(self.source.words)
        vectors = np.zeros((len(rows), made.dim), dtype=np.float32)
        vectors[rows >= 0] = made.decode_rows(rows[rows >= 0])
        padded = Padded(self.source.words, vectors)
        padded.made = made
        return padded

    def score(self, side: Side, made: Made) -> Record:
        """Scores of all suites, or of similarity only."""
        fully = side.seed == 0 or (side.name == FULLY[0] and side.width in FULLY[1])
        chosen = [each for each in self.chosen if fully or each[0].name == "similarity"]
        scores = [
            score
            for each in chosen
            for score in measure(self.target(made[0], each[0].name), side.name, [each], self.settings(each[0].name))
        ]
        return {
            "side": side.name,
            "width": side.width,
            "seed": side.seed,
            "bytes": made[1],
            **made[2],
            "scores": [short(score) for score in scores] + (self.recall_of_some(made[0]) if fully else []),
        }

    def recall_of_some(self, made: Target) -> list[list[Any]]:
        """Recall@10 by band of rank, where some of the words are all candidates."""
        rng = np.random.default_rng(0)
        drawn = FIRST + rng.permutation(len(self.source) - FIRST)[:DRAWN]
        rows = np.sort(np.concatenate([np.arange(FIRST), drawn]))
        scores, after = [], self.target(made, "fidelity")
        for band, (start, stop) in BANDS.items():
            own = np.arange(*np.searchsorted(rows, [start, stop or len(self.source)]))
            queries = np.sort(rng.permutation(own)[:N_QUERIES])
            neighbours = [nearest(each, rows, queries, DEPTH) for each in (self.source, after)]
            found = np.mean([np.isin(old, new).mean() for old, new in zip(*neighbours, strict=True)])
            scores.append(["fidelity of some", band, f"recall@{DEPTH}", 100 * float(found), None, None, None, None])
        return scores


def short(score: Score) -> list[Any]:
    """What is recorded of a score."""
    return [*score.key, score.value, score.low, score.high, score.value_skipping, score.value_asymmetric]


def sides(bench: Bench) -> Iterator[Side]:
    """All there are."""
    for space in bench.spaces:
        yield Side(f"float, {space}", 3200, 0, partial(bench.float_vectors, space))
    for name, widths in OURS.items():
        for width in widths:
            for seed in range(SEEDS.get(name, 1)):
                yield Side(name, width, seed, partial(bench.method, name, width, seed))
                if name in GRADED:
                    yield Side(f"{name}, graded", width, seed, partial(bench.method, name, width, seed, grade="auto"))
    for width in WIDTHS[:3]:
        yield Side("transform, isotropic", width, 0, partial(bench.in_space, REFERENCE, "isotropic", width))
    for width in WIDTHS[3:]:
        yield Side("additive, source", width, 0, partial(bench.in_space, DEFAULT, "source", width))
    for name, bits in FIRST_WORDS.items():
        for width in (width for width in WIDTHS[3:] if width < bits):
            yield Side(name, width, 0, partial(bench.first_words, bits, width))
    for name in PEERS:
        spaces = ("raw", "isotropic") if name in ("int8", "int4") else ("isotropic",)
        for space, width in ((space, width) for space in spaces for width in PEER_WIDTHS.get(name, WIDTHS)):
            shown = f"{name}, {space}" if len(spaces) > 1 else name
            for seed in range(SEEDS.get(name, 1)):
                yield Side(shown, width, seed, partial(bench.peer, name, space, width, seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", help="embedding file; without one, only the page is written")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder of data sets")
    parser.add_argument("--only", metavar="NAME,…", help="these sides only: the first word of their names")
    parser.add_argument("--seeds", type=int, metavar="N", default=max(SEEDS.values()), help="seeds below N only")
    parser.add_argument("--widths", metavar="W,…", default=",".join(map(str, WIDTHS)), help="these widths only")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.source is not None:
        widths = {3200, *map(int, given.widths.split(","))}
        run(given.source, given.data, given.only, given.seeds, widths, given.threads)
    if RECORDS.exists() and given.only is None:
        write_page(read_records(), PAGE)


def run(path: str, data: Path | None, only: str | None, n_seeds: int, widths: set[int], threads: int) -> None:
    """Score what is not recorded yet."""
    import faiss

    set_threads(threads)
    faiss.omp_set_num_threads(threads)
    source = read_embedding(path)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(source, wanted_sets(data), Path(folder))
        for side in sorted(sides(bench), key=lambda side: side.seed):
            done = {(each.get("side"), each.get("width"), each.get("seed")) for each in read_records()}
            left_out = (
                side.seed >= n_seeds
                or side.width not in widths
                or (only and side.name.split(",")[0] not in only.split(","))
            )
            if left_out or (side.name, side.width, side.seed) in done:
                continue
            made = side.make()
            if made is not None:
                append(bench.score(side, made), source)


def wanted_sets(data: Path | None) -> Chosen:
    """The suites, each with the sets of the page."""
    chosen = choose(SUITES if data else None, data, has_baseline=True)
    return [
        (suite, [each for each in sets if each.name in SETS.get(suite.name, ())])
        for suite, sets in chosen
        if suite.name in SUITES
    ]


def append(record: Record, source: Embedding) -> None:
    """Add a line, and before the first one that says where and with what all ran."""
    about = {
        "source": source.source.to_json() | {"name": "glove.6B.100d.txt"},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()} | {name: found(name) for name in ("numpy", "faiss-cpu")},
    }
    record = {"commit": commit()} | record
    lines = [record] if RECORDS.exists() else [about, record]
    with RECORDS.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def found(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit checked out."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def read_records() -> list[Record]:
    """The line about the run, and those of the sides."""
    if not RECORDS.exists():
        return []
    return [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
