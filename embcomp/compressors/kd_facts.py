"""Statistics of KD codes: use of the symbols, words that collide, codes that are near."""

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


def group(symbols: Symbols) -> list[NDArray[np.intp]]:
    """Return the rows of each distinct code, ascending; codes in ascending order."""
    if not len(symbols):
        return []
    # one key a row: the symbols as bytes, most significant first, whatever their number
    keys = np.ascontiguousarray(symbols, dtype=">u4").view(np.dtype((np.void, 4 * symbols.shape[1]))).reshape(-1)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(keys[order[1:]] != keys[order[:-1]]) + 1
    return np.split(order, starts)


def collisions(symbols: Symbols) -> dict[str, int]:
    """Count distinct codes, and the words that share theirs with another."""
    sizes = [len(rows) for rows in group(symbols)]
    return {"distinct_codes": len(sizes), "words_sharing_a_code": sum(size for size in sizes if size > 1)}
