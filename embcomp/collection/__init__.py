"""Many files of words as one embedding: parts encoded apart, and collections of shards."""

from __future__ import annotations

from typing import Any

SUFFIX = ".embcs"


def is_collection(path: Any) -> bool:
    """Whether a path or an address is named as collections are."""
    return str(path).rstrip("/").endswith(SUFFIX)
