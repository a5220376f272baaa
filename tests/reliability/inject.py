"""Let every call of the system and every allocation fail once: python -m tests.reliability.inject [STEP]"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIBRARY = Path(__file__).with_name("failing.c")
REFUSED = {"read", "write", "fsync", "rename", "open", "mmap", "malloc"}  # if anything was tried


def is_possible() -> bool:
    """Whether there are the C library that ``failing.c`` stands before, and a compiler."""
    return platform.libc_ver()[0] == "glibc" and shutil.which("cc") is not None


def inject(folder: Path, step: int) -> dict[str, int]:
    """Run every ``step``-th fault; return how many commands were done and refused, by function."""
    library = folder / "failing.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, LIBRARY, "-ldl"], check=True)
    command = [sys.executable, "-m", "tests.reliability.injected", str(folder), str(step)]
    surroundings = os.environ | {"LD_PRELOAD": str(library)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=surroundings, cwd=LIBRARY.parents[2]
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout)
    if found["wrong"]:
        raise RuntimeError("\n".join(found["wrong"]))
    seen: dict[str, int] = found["seen"]
    if {name.split(":")[0] for name in seen if name.endswith("refused")} < REFUSED:
        raise RuntimeError(f"nothing was tried: {seen}")
    return seen


if __name__ == "__main__":
    if not is_possible():
        sys.exit("needs Linux with glibc, and a C compiler")
    with tempfile.TemporaryDirectory(prefix="embcomp-inject-") as own:
        print(json.dumps(inject(Path(own), int(sys.argv[1]) if len(sys.argv) > 1 else 1), indent=1))
