"""One call of the system fails at a time; `make reliability` tries every one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("failing.c")
STEP = 6


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler")
def test_a_call_that_fails_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    seen = inject(tmp_path, STEP)
    refused = {name.split(":")[0] for name in seen if name.endswith("refused")}
    assert refused >= {"read", "write", "fsync", "rename", "open", "malloc"}, "nothing was tried"
    assert seen["link: done"] > 0


def inject(folder: Path, step: int) -> dict[str, int]:
    """Run every ``step``-th fault; return how many commands were done and refused, by function."""
    library = folder / "failing.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    command = [sys.executable, "-m", "tests.reliability.injection", str(folder), str(step)]
    surroundings = os.environ | {"LD_PRELOAD": str(library)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=surroundings, cwd=SOURCE.parents[2]
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    seen: dict[str, int] = found["seen"]
    return seen
