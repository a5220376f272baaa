"""The whole path, from a text file and back to one, where another system's modules and calls are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EVERYTHING = """
import sys, warnings
from pathlib import Path
from tests import other_systems

getattr(other_systems, sys.argv[1])()
warnings.filterwarnings("error", category=EncodingWarning, module=r"embcomp(\\.|$)")
folder = Path(sys.argv[2])

from embcomp.cli.main import run

def cli(*arguments, code=0):
    try:
        run([str(argument) for argument in arguments])
    except SystemExit as stop:
        assert stop.code == code, (arguments, stop.code)

text, small, pickled = folder / "sample.txt", folder / "small.embc", folder / "back.kv"
cli("sample", "-o", text)
for force in ([], ["--force"]):
    cli("compress", text, "-o", small, "--limit", 2000, *force)
cli("compress", text, "-o", small, code=3)
cli("verify", small)
cli("info", small, "--json")
cli("vector", small, "king", "queen")
cli("similar", small, "king", "-k", 3)
cli("analogy", small, "man", "king", "woman")
cli("eval", small, "--suite", "similarity")
for name in ("back.txt", "back.vec", "back.bin", "back.npy", "back.safetensors", "back.fifu", "back.kv"):
    cli("decompress", small, "-o", folder / name)
for name in ("back.txt", "back.vec", "back.bin", "back.npy"):
    cli("compress", folder / name, "-o", folder / "again.embc", "--force")
cli("compress", pickled, "--allow-pickle", "-o", folder / "again.embc", "--force")
(folder / "new.txt").write_text("neologism " + "0.5 " * 99 + "0.5\\n", encoding="utf-8")
cli("add", small, folder / "new.txt", "-o", folder / "grown.embc")
report = ["--html", folder / "report.html", "--cache", folder / "cache"]
cli("compare", text, "--methods", "sign,iiq", "--suite", "similarity", *report)

import embcomp
from embcomp.errors import OutputError

vectors = embcomp.open(small)
before = small.read_bytes()
try:
    embcomp.compress(["a", "b"], [[1.0, 2.0], [3.0, 5.0]]).save(small, force=True)
except OutputError as error:
    assert sys.argv[1] == "windows", error
    assert str(error).endswith("small.embc: cannot be written: The process cannot access the file"), error
    assert small.read_bytes() == before
else:
    assert sys.argv[1] == "macos"
assert vectors.most_similar("king", topn=1)
print(sorted(path.name for path in folder.iterdir() if "tmp" in path.name))
"""


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_everything_works_where_parts_of_this_system_are_missing(tmp_path: Path, system: str) -> None:
    command = [sys.executable, "-X", "warn_default_encoding", "-c", EVERYTHING, system, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.splitlines()[-1] == "[]"  # no temporary file is left
