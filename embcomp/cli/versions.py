"""``embcomp --version --verbose``: what a report of a bug should say."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path


def lines() -> Iterator[str]:
    """Yield one line for each of what results, speed or errors could depend on."""
    import numpy
    from threadpoolctl import threadpool_info

    loaded = (each for each in threadpool_info() if each["user_api"] == "blas")
    blas = {f"{each['internal_api']} {each['version']} ({each.get('architecture')})" for each in loaded}
    yield f"python      {platform.python_implementation()} {platform.python_version()}"
    yield f"system      {platform.platform()}"
    yield f"processor   {_processor()}, {os.cpu_count()} threads"
    yield f"numpy       {numpy.__version__}, {', '.join(sorted(blas)) or 'BLAS unknown'}"
    yield f"extension   {_extension()}"
    yield f"packages    {', '.join(_packages())}"


def _processor() -> str:
    """The processor's name; what ``platform`` knows where there is no ``/proc/cpuinfo``."""
    try:
        about = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        about = ""
    named = re.search(r"^model name\s*: (.+)$", about, re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def _extension() -> str:
    from embcomp.kernels import REVISION, native

    if native is not None:
        return f"in use, revision {REVISION}"
    if os.environ.get("EMBCOMP_NO_EXTENSION"):
        return "not in use: EMBCOMP_NO_EXTENSION is set"
    return "not built, or built from other sources"


def _packages() -> Iterator[str]:
    """Yield the packages that embcomp can use and that are installed, with their versions."""
    with suppress(PackageNotFoundError):  # it runs from a folder of sources
        for name in dict.fromkeys(re.split(r"[^\w.-]", each)[0] for each in requires("embcomp") or ()):
            with suppress(PackageNotFoundError):
                yield f"{name} {version(name)}"
