"""Texts for language models: one sentence a line, words between blanks."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from embcomp.errors import InputError

END_OF_SENTENCE = "<eos>"
UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Lexicon:
    """Words in descending order of frequency, by row, and how often each is in the training text."""

    words: tuple[str, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, path: Path, n_words: int | None = None) -> Lexicon:
        """The words of a text; with ``n_words`` the most frequent of them, where the rest counts as ``<unk>``."""
        count = Counter(sentence_words(path))
        kept = dict(sorted(count.items(), key=lambda item: (-item[1], item[0]))[:n_words])
        rest = count.total() - sum(kept.values())
        if rest or UNKNOWN not in kept:
            kept[UNKNOWN] = kept.get(UNKNOWN, 0) + rest
        ordered = sorted(kept.items(), key=lambda item: (-item[1], item[0]))
        return cls(tuple(word for word, _ in ordered), tuple(number for _, number in ordered))

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def ids(self, path: Path) -> Tensor:
        """Rows of a text's words, int64; words that are not here become ``<unk>``."""
        unknown = self.rows[UNKNOWN]
        return torch.from_numpy(
            np.fromiter((self.rows.get(word, unknown) for word in sentence_words(path)), dtype=np.int64)
        )


def sentence_words(path: Path) -> Iterator[str]:
    """Words of a text, plain or gzip, with ``<eos>`` after each line.

    Raises:
        InputError: the file cannot be read, is no UTF-8, or has no words.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="\n") as lines:
            empty = True
            for line in lines:
                empty = False
                yield from chain(line.split(), (END_OF_SENTENCE,))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {getattr(error, 'strerror', None) or error}") from error
    if empty:
        raise InputError(f"{path}: has no lines, expected a text with one sentence a line")


def streams(ids: Tensor, n_streams: int) -> Tensor:
    """Cut a text into equal parts, side by side.

    Args:
        ids: int64, shape (n,).
        n_streams: how many parts; what is left over at the end is dropped.

    Returns:
        int64, shape (n // n_streams, n_streams): one part in each column.

    Raises:
        InputError: the text has fewer than two words for each part.
    """
    steps = len(ids) // n_streams
    if steps < 2:
        raise InputError(f"the text must have at least {2 * n_streams} words for {n_streams} streams, got {len(ids)}")
    return ids[: steps * n_streams].view(n_streams, steps).t().contiguous()
