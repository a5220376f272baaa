"""Inner loops in C, each beside the NumPy function that defines it and takes its place where there is no compiler.

The extension ``_native`` is built when the package is installed, if that is possible. Results do not depend on it.
With the environment variable ``EMBCOMP_NO_EXTENSION`` set to anything, the NumPy functions are used.
"""

from __future__ import annotations

import os
from types import ModuleType

REVISION = 19
"""Of the interface between this package and the extension; one built from other sources is not used."""


def _load() -> ModuleType | None:
    if os.environ.get("EMBCOMP_NO_EXTENSION"):
        return None
    try:
        from embcomp.kernels import _native
    except ImportError:
        return None
    return _native if _native.REVISION == REVISION else None


native = _load()
"""The extension; ``None`` where it is absent."""
