"""Compress pretrained word embeddings into one small file that is usable as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embcomp.api import Compressor, compare, compress, evaluate, make_compressor, methods, open, read

__version__ = "0.1.0"
__all__ = [
    "Compressor",
    "__version__",
    "compare",
    "compress",
    "evaluate",
    "make_compressor",
    "methods",
    "open",
    "read",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first wanted: the command line starts without NumPy."""
    if name not in __all__:
        raise AttributeError(f"module 'embcomp' has no attribute {name!r}")
    from embcomp import api

    return globals().setdefault(name, getattr(api, name))


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
