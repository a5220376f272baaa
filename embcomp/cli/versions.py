"""``embcomp --version --verbose``: what a report of a bug should say."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*\bextra == ['\"]([\w.-]+)['\"])?")
OF_DEVELOPERS = {"bench", "dev", "fuzz", "integrations"}
"""Extras that no user has."""


def lines() -> Iterator[str]:
    """Yield one line for each of what results, speed or errors could depend on."""
    import numpy

    yield f"python      {platform.python_implementation()} {platform.python_version()}"
    yield f"system      {platform.platform()}"
    yield f"processor   {_processor()}, {os.cpu_count()} threads"
    yield f"numpy       {numpy.__version__}, {_blas()}"
    yield f"extension   {_extension()}"
    for extra, names in _packages().items():
        yield f"{extra or 'packages':<11} {', '.join(f'{name} {_version(name)}' for name in names)}"


def _processor() -> str:
    """The processor's name; what ``platform`` knows where there is no ``/proc/cpuinfo``."""
    try:
        about = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        about = ""
    named = re.search(r"^model name\s*: (.+)$", about, re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def _blas() -> str:
    """The libraries of linear algebra that are loaded, with the kernels that they chose."""
    from threadpoolctl import threadpool_info

    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    names = sorted({f"{each['internal_api']} {each['version']} ({each.get('architecture')})" for each in found})
    return ", ".join(names) or "BLAS unknown"


def _extension() -> str:
    from embcomp.kernels import REVISION, native

    if native is not None:
        return f"in use, revision {REVISION}"
    if os.environ.get("EMBCOMP_NO_EXTENSION"):
        return "not in use: EMBCOMP_NO_EXTENSION is set"
    return "not built, or built from other sources"


def _packages() -> dict[str, list[str]]:
    """Names of the packages that embcomp needs, and after them those of each extra."""
    try:
        needed = requires("embcomp") or []
    except PackageNotFoundError:  # it runs from a folder of sources
        needed = []
    packages: dict[str, list[str]] = {}
    for requirement in needed:
        found = REQUIREMENT.match(requirement)
        if found and found[2] not in OF_DEVELOPERS:
            packages.setdefault(found[2] or "", []).append(found[1])
    return packages


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
