"""SHA-256 of the files that methods make: python -m tests.reliability.checksums SOURCE METHODS…  prints them as JSON.

METHODS are methods with their options, each one argument: ``"iiq --bits 25"``. Run in a process of its own, because
kernels are chosen when NumPy is imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.reliability.surroundings import ROOT, Surrounding

FILES = ROOT / "tests" / "fixtures" / "checksums.json"


def golden(source: str) -> dict[str, str]:
    """Return the checksum of each method's file of ``sample`` or ``glove``, as they are everywhere."""
    document: dict[str, dict[str, str]] = json.loads(FILES.read_text(encoding="ascii"))
    return document[source]


def made(source: Path, methods: Iterable[str], surrounding: Surrounding) -> tuple[str, dict[str, str]]:
    """Return the BLAS kernels in use, and the checksum of each method's file of ``source``, made in a surrounding."""
    command = [*surrounding.before, surrounding.python, "-m", "tests.reliability.checksums", str(source), *methods]
    environment = os.environ | surrounding.variables | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    document = json.loads(done.stdout)
    return document["blas"], document["files"]


def main(source: str, *methods: str) -> None:
    from threadpoolctl import threadpool_info

    with tempfile.TemporaryDirectory() as folder:
        files = {method: _checksum(source, method.split(), Path(folder) / "made.embc") for method in methods}
    blas = {library.get("architecture") or library["internal_api"] for library in threadpool_info()}
    print(json.dumps({"blas": ", ".join(sorted(blas)), "files": files}))


def _checksum(source: str, method: list[str], target: Path) -> str:
    from embcomp.cli.main import run

    try:
        run(["compress", source, "--quiet", "--force", "-o", str(target), "--method", *method])
    except SystemExit as end:
        if end.code:
            raise
    return hashlib.sha256(target.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(*sys.argv[1:])
