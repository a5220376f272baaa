"""What compressing a source will take, from its first rows: bytes of the file, seconds, and memory."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.codes import Codes, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.errors import ParameterError
from embcomp.formats import BlockReader, ReadOptions, open_blocks
from embcomp.pipeline import COPIES, word_bytes
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

SAMPLE_ROWS = 2**16
HEADER_BYTES = 3_000  # header and gaps between sections, nearly


@dataclass(frozen=True)
class Estimate:
    """What compressing will take, nearly.

    Attributes:
        rows: words of the source.
        file_bytes: of the file.
        seconds: from the start to the written file, with as many threads as are set and nothing else running.
        memory_bytes: at most at once, beside those of Python and its packages.
    """

    rows: int
    file_bytes: int
    seconds: float
    memory_bytes: int

    def to_json(self) -> dict[str, float]:
        """The fields by name."""
        return asdict(self)


def estimate(
    source: str | Path, compressor: Compressor, options: ReadOptions, progress: Progress = no_progress
) -> Estimate:
    """Read the first rows of a source, compress them, and reckon what all will take.

    Rows and words are taken to be like the first ones: where rare words are longer, or rows shorter, the file is some
    per cent larger than this says.

    Raises:
        InputError: the source cannot be read.
        ParameterError: it is a stream whose end is not known.
    """
    start = time.perf_counter()
    with open_blocks(source, options, progress) as reader:
        words, vectors, share = _first_rows(reader)
        if not share:
            raise ParameterError(f"`estimate` needs a file of known size, got {source}")
    read = time.perf_counter()
    codes = fit_codes(compressor, vectors, progress)
    coded = time.perf_counter()
    n_rows = min(round(len(words) / share), options.limit or sys.maxsize)
    growth = n_rows / len(vectors)
    seconds = (read - start) * n_rows / len(words) + (coded - read) * (
        growth if compressor.learns_codes else growth**0.5
    )
    return Estimate(
        n_rows,
        _file_bytes(words, codes, compressor, n_rows),
        round(seconds, 1),
        memory_bytes(n_rows, compressor.dim, compressor.head_rows),
    )


def _first_rows(reader: BlockReader) -> tuple[list[str], FloatArray, float]:
    """The first words, rows of most of them, and what share of the source they are; 0 if that is not known.

    What is read ahead counts as read, so a source of which nothing is left to read is taken to its end.
    """
    words: list[str] = []
    blocks: list[FloatArray] = []
    for block_words, vectors in reader:
        words += block_words
        blocks += [vectors[: max(0, SAMPLE_ROWS + len(vectors) - len(words))]]
        if len(words) >= SAMPLE_ROWS and reader.share_read < 1:
            return words, np.concatenate(blocks), reader.share_read
    return words, np.concatenate(blocks), 1.0 if reader.share_read else 0.0


def _file_bytes(words: list[str], codes: Codes, compressor: Compressor, n_rows: int) -> int:
    state = sum(array.nbytes for array in compressor.get_state().values())
    each = Vocabulary.build(words).stored_bytes / len(words) + codes.row_bits / 8
    return HEADER_BYTES + state + round(each * n_rows)


def memory_bytes(n_rows: int, dim: int, head_rows: int | None = None) -> int:
    """All rows and their words, or copies of the rows that a fit learns from, and all words."""
    held = n_rows if head_rows is None else min(n_rows, COPIES * head_rows)
    return 4 * held * dim + word_bytes(n_rows)
