"""What differs between two embeddings: words, and the neighbours of the words that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embcomp.eval.neighbours import nearest
from embcomp.eval.statistics import IntArray
from embcomp.eval.target import Target
from embcomp.progress import Progress, no_progress


@dataclass(frozen=True)
class Changed:
    """One word whose neighbours were compared."""

    word: str
    shared: int
    """Neighbours that it has in both."""
    first: list[str]
    """Its neighbours in the first, nearest first."""
    second: list[str]


@dataclass(frozen=True)
class Difference:
    """Two embeddings beside each other. Words are in the order of the embedding that they are taken from."""

    n_common: int
    gone: list[str]
    """Words of the first that the second lacks."""
    added: list[str]
    """Words of the second that the first lacks."""
    changed: list[Changed]
    """The words that were looked at, those that share the fewest neighbours first."""

    @property
    def mean_shared(self) -> float | None:
        """Mean number of shared neighbours; ``None`` if no word was looked at."""
        return float(np.mean([each.shared for each in self.changed])) if self.changed else None


def difference(
    first: Target,
    second: Target,
    *,
    n_words: int,
    n_neighbours: int,
    restrict: int,
    progress: Progress = no_progress,
) -> Difference:
    """Compare two embeddings.

    Args:
        first, second: of any dimensions.
        n_words: look at the neighbours of so many words: the first in the first embedding that both have.
        n_neighbours: by cosine; all other words if there are fewer.
        restrict: look for neighbours among so many of the first words that both have.
        progress: called while neighbours are looked for.
    """
    words = first.first_words(len(first))
    there = second.rows(words) >= 0
    common = [word for word, found in zip(words, there, strict=True) if found]
    others = second.first_words(len(second))
    known = first.rows(others) >= 0
    looked_at = common[:restrict]
    queries = np.arange(min(n_words, len(looked_at)))
    found = [
        nearest(each, each.rows(looked_at), queries, n_neighbours, progress, f"neighbours {number} of 2")
        for number, each in enumerate((first, second), start=1)
    ]
    return Difference(
        n_common=len(common),
        gone=[word for word, kept in zip(words, there, strict=True) if not kept],
        added=[word for word, kept in zip(others, known, strict=True) if not kept],
        changed=_changed(looked_at, *found),
    )


def _changed(words: Sequence[str], first: IntArray, second: IntArray) -> list[Changed]:
    """The least shared first; of equals, the more frequent."""
    shared = [len(set(one) & set(two)) for one, two in zip(first.tolist(), second.tolist(), strict=True)]
    order = np.argsort(shared, kind="stable").tolist()
    return [
        Changed(words[row], shared[row], [words[each] for each in first[row]], [words[each] for each in second[row]])
        for row in order
    ]
