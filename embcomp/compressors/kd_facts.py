"""What there is to say about KD codes: how well symbols are used, which words collide, which codes are near."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.uint16] | NDArray[np.uint32]


def utilisation(symbols: Symbols, ways: int) -> tuple[int, list[float]]:
    """Return how many of the D·K symbols occur, and the perplexity of each place, e^entropy, from 1 to K."""
    used, perplexity = 0, []
    for column in symbols.T:
        counts = np.bincount(column, minlength=ways)
        shares = counts[counts > 0] / max(1, len(column))
        used += len(shares)
        perplexity.append(round(math.exp(-float((shares * np.log(shares)).sum())), 2))
    return used, perplexity


def collisions(symbols: Symbols) -> dict[str, int]:
    """Count distinct codes, and the words that share theirs with another."""
    if not len(symbols):
        return {"distinct_codes": 0, "words_sharing_a_code": 0}
    # one number a row, exact: as bytes, most significant first, whatever the number of symbols
    as_bytes = np.ascontiguousarray(symbols, dtype=">u4").view(np.dtype((np.void, 4 * symbols.shape[1])))
    _, counts = np.unique(as_bytes, return_counts=True)
    return {"distinct_codes": len(counts), "words_sharing_a_code": int(counts[counts > 1].sum())}
