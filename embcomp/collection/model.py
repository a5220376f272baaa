"""Models: what is learned from a source once, so that its parts can be encoded apart.

A model is an ``.embc`` file without rows. Its report has, under ``parts``, which parts the source has, and where in
them each grade of code begins: grades are bands of rank, and a part alone does not know how many distinct words come
before it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.codes import CodesWriter
from embcomp.compressors.base import Compressor
from embcomp.container.reader import open_container
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, InputError, ParameterError
from embcomp.formats import ReadOptions, files_of, open_blocks
from embcomp.pipeline import allowed_memory, read_sample, require_room_to_fit
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

PARTS = "parts"  # in the report
MOST_NAME_BYTES = 2**19  # of all parts: a header has at most twice as many
SEPARATOR = "#"  # before k/n, of a text file that is cut


@dataclass(frozen=True)
class Part:
    """A part of a source: a file, by its path or address, or a piece of one that is cut at lines."""

    path: str
    piece: tuple[int, int] | None = None
    """k and n of the k-th of n pieces; ``None`` for all of it."""

    @property
    def name(self) -> str:
        """The path, with the piece after it."""
        return self.path if self.piece is None else f"{self.path}{SEPARATOR}{self.piece[0]}/{self.piece[1]}"

    def options(self, given: ReadOptions) -> ReadOptions:
        """How to read it, where ``given`` is how to read the source."""
        return replace(given, part=self.piece, whole=False)


def parts_of(sources: Sequence[str], n_pieces: int = 1) -> list[Part]:
    """Return the parts of sources, in their order: files, patterns, folders; a single file is cut if it shall be.

    Raises:
        InputError: there are no such files, one is there twice, or several are to be cut.
    """
    found = [str(each) for source in sources for each in files_of(source)]
    if len(set(found)) < len(found):
        twice = next(path for path in found if found.count(path) > 1)
        raise InputError(f"{twice}: is named twice, expected parts that differ")
    if n_pieces == 1:
        return [Part(path) for path in found]
    if len(found) > 1:
        raise InputError(f"{found[0]}: is cut only if it is the one file of a source, got {len(found)}")
    return [Part(found[0], (number, n_pieces)) for number in range(1, n_pieces + 1)]


class _Reader:
    """Distinct words of parts, one part after the other, in blocks; ``starts`` has how many came before each part."""

    def __init__(self, parts: Sequence[Part], options: ReadOptions, progress: Progress) -> None:
        self._parts, self._options, self._progress = parts, options, progress
        self.starts: list[int] = []
        blocks = self._all()
        self.close = blocks.close
        first = next(blocks)
        self.dim = first[1].shape[1]
        self._blocks = chain([first], blocks)

    def __iter__(self) -> Iterator[tuple[list[str], FloatArray]]:
        return self._blocks

    def _all(self) -> Generator[tuple[list[str], FloatArray], None, None]:
        seen: set[str] = set()
        dim = None
        for part in self._parts:
            self.starts.append(len(seen))
            with open_blocks(part.path, part.options(self._options), self._progress) as reader:
                if reader.dim != (dim := dim or reader.dim):
                    raise InputError(f"{part.name}: {reader.dim} dimensions, expected {dim}")
                for words, vectors in reader:
                    kept = [row for row, word in enumerate(words) if word not in seen]
                    seen.update(words)
                    if kept:
                        whole = len(kept) == len(words)
                        yield (words, vectors) if whole else ([words[row] for row in kept], vectors[kept])


@dataclass(frozen=True)
class Model:
    """A fitted method, and the parts of the source it was fitted to.

    Attributes:
        encoded: no rows, the compressor, and the source's name.
        parts: names of the parts, in their order.
        starts: of each grade of code but the first, the part in which it begins and the word that it begins with.
        sha256: of the file; empty for a model that is in memory only.
    """

    encoded: EncodedEmbedding
    parts: tuple[str, ...]
    starts: tuple[tuple[int, str], ...]
    sha256: str = ""

    @property
    def compressor(self) -> Compressor:
        """What encodes."""
        return self.encoded.compressor

    @property
    def report(self) -> dict[str, Any]:
        """Facts about the fit: the report that a file of the whole source has."""
        return {name: value for name, value in self.encoded.report.items() if name != PARTS}

    @property
    def strict(self) -> bool:
        """Whether a word that occurs twice is to be refused."""
        reading = self.encoded.source.reading
        return bool(reading) and json.loads(reading).get("duplicates") == "error"

    def number_of(self, part: Part) -> int:
        """Return which part of the source this is; ``InputError`` if it is none, or could be several."""
        exact = [number for number, name in enumerate(self.parts) if name == part.name]
        ends = [number for number, name in enumerate(self.parts) if Path(name).name == Path(part.name).name]
        if len(found := exact or ends) != 1:
            which = "is none" if not found else f"may be any of {len(found)}"
            raise InputError(f"{part.name}: {which} of the {len(self.parts)} parts that the model was made from")
        return found[0]


def fit(
    sources: Sequence[str],
    compressor: Compressor,
    options: ReadOptions,
    progress: Progress = no_progress,
    max_memory: int | None = None,
    *,
    n_pieces: int = 1,
    approve: Callable[[float], None] = lambda seconds: None,
) -> EncodedEmbedding:
    """Learn from sources what compressing them in one go would; return the model, to be saved as a file.

    Methods that learn from the first rows read these; those that learn from some of all rows read everything once.

    Args:
        sources, options: files, patterns, folders of Parquet files, in their order, and how to read them.
        compressor: not fitted yet.
        progress: called for reading and fitting.
        max_memory: bytes that vectors may take meanwhile; ``None`` for half of what is free.
        n_pieces: cut a source of one text file into so many parts.
        approve: told how long fitting will take, before it starts; what it raises comes out.

    Raises:
        InputError: a source cannot be read as it is.
        ParameterError: codes of the method cannot be made part by part, or ``max_memory`` is too little.
    """
    if compressor.learns_codes:
        raise ParameterError(
            f"{compressor.name}: learns the codes of all rows at once, so parts cannot be encoded apart"
        )
    for name in ("limit", "sha256"):
        if getattr(options, name) is not None:
            raise ParameterError(f"`{name}` is of a whole file, and not allowed for a source in parts")
    parts = parts_of(sources, n_pieces)
    if sum(len(part.name.encode()) for part in parts) > MOST_NAME_BYTES:
        raise ParameterError(f"names of {len(parts)} parts must take at most {MOST_NAME_BYTES} bytes")
    with closing(_Reader(parts, options, progress)) as reader:
        starts = _fit(reader, compressor, allowed_memory(max_memory), progress, approve)
    name = Path(sources[0]).name + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")
    source = Source(name=name, dim=compressor.dim, reading=options.reading)
    listed = {"names": [part.name for part in parts], "starts": starts}
    codes = CodesWriter(compressor).finish()
    return EncodedEmbedding(Vocabulary.build([]), codes, compressor, source, compressor.report | {PARTS: listed})


def _fit(
    reader: _Reader, compressor: Compressor, allowance: int, progress: Progress, approve: Callable[[float], None]
) -> list[tuple[int, str]]:
    """Fit; return where grades begin."""
    if compressor.samples_rows:
        words: list[str] = []
        held, ranks = read_sample(reader, compressor, allowance, words)
        sample = compressor.sample_ranks(ranks)
        rows = held if len(sample) == len(held) else held[np.isin(ranks, sample)]
        approve(compressor.seconds_to_fit(*rows.shape))
        progress("fit", 0, 0)
        compressor.fit_sample(rows, sample, len(words), progress)
        return [(bisect_right(reader.starts, end) - 1, words[end]) for end in compressor.grade_ends]
    rows = _head(reader, compressor, allowance)
    approve(compressor.seconds_to_fit(*rows.shape))
    progress("fit", 0, 0)
    compressor.fit(rows, progress)
    return []


def _head(reader: _Reader, compressor: Compressor, allowance: int) -> FloatArray:
    """Read the rows to learn from: the first ones, or all."""
    n_head, held = compressor.head_rows or sys.maxsize, np.empty((0, reader.dim), dtype=np.float32)
    for _, vectors in reader:
        start = len(held)
        held.resize((start + len(vectors), reader.dim), refcheck=False)
        held[start:] = vectors
        require_room_to_fit(compressor, min(len(held), n_head), reader.dim, allowance)
        if len(held) >= n_head:
            break
    return held[:n_head]


def open_model(path: str | Path) -> Model:
    """Open a model; ``InputError`` if there is no such file; ``ContainerError`` if it is no model, or refused."""
    encoded = open_container(path)
    listed: Any = encoded.report.get(PARTS)
    try:
        parts = tuple(str(name) for name in listed["names"])
        starts = tuple((int(part), str(word)) for part, word in listed["starts"])
    except (TypeError, KeyError, ValueError) as error:
        raise CorruptError(f"{path}: has no list of parts, expected a model that 'embcomp fit' made") from error
    if len(encoded) or len(starts) != len(encoded.compressor.grade_ends):
        raise CorruptError(f"{path}: {len(encoded)} rows and {len(starts)} starts of grades, expected a model")
    return Model(encoded, parts, starts, hashlib.sha256(Path(path).read_bytes()).hexdigest())
