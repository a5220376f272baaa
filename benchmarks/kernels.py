"""See that files are the same wherever they are made: python -m benchmarks.kernels  (`make kernels`, half an hour).

Every method that promises it compresses the sample, and the full GloVe where its file is there, with every BLAS
kernel that the processor can run, with NumPy's plainest instructions, with one thread and many, on one processor, and
with other Pythons. The checksums must be those of tests/fixtures/checksums.json. Then the tests are run with each
kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from embcomp.cli.main import run
from tests.reliability.checksums import FILES, golden, made
from tests.reliability.surroundings import ROOT, Surrounding, kernels, of_kernels, of_threads, plain_numpy

GLOVE = ROOT / "data" / "glove.6B.100d.txt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", default=[], help="another Python to make the files with")
    parser.add_argument("--glove", type=Path, default=GLOVE, help="the full GloVe file")
    parser.add_argument("--write", action="store_true", help="make the golden checksums anew, and stop")
    parser.add_argument("--no-tests", action="store_true", help="only compare files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="embcomp-kernels-") as folder:
        sources = dict(_sources(Path(folder), given.glove))
        if given.write:
            write(sources)
            return
        here = [*of_kernels(kernels()), plain_numpy(), *of_threads()]
        others = [Surrounding(python, python=python) for python in given.python]
        wrong = [each.name for each in [Surrounding("as it is"), *here, *others] if not same(sources, each)]
    wrong += [] if given.no_tests else [each.name for each in here if not tests_pass(each)]
    if wrong:
        raise SystemExit(f"failed: {', '.join(wrong)}")


def _sources(folder: Path, glove: Path) -> Iterator[tuple[str, Path]]:
    sample = folder / "sample.txt"
    try:
        run(["sample", "--output", str(sample)])
    except SystemExit as end:
        if end.code:
            raise
    yield "sample", sample
    if glove.exists():
        yield "glove", glove
    else:
        print(f"{glove} is missing (make data): only the sample is compressed", file=sys.stderr)


def write(sources: dict[str, Path]) -> None:
    document = {name: made(source, golden(name), Surrounding(""))[1] for name, source in sources.items()}
    FILES.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")


def same(sources: dict[str, Path], surrounding: Surrounding) -> bool:
    """Print a line for each source: kernels in use, and which files differ; tell whether none does."""
    right = True
    for name, source in sources.items():
        expected = golden(name)
        blas, files = made(source, expected, surrounding)
        differ = [method for method in expected if files[method] != expected[method]]
        outcome = f"differ: {', '.join(differ)}" if differ else "all the same"
        print(f"{surrounding.name} (BLAS: {blas}): {len(files)} files of {name}: {outcome}", flush=True)
        right = right and not differ
    return right


def tests_pass(surrounding: Surrounding) -> bool:
    """Run the tests in a surrounding, and print how that ended."""
    command = [*surrounding.before, surrounding.python, "-m", "pytest", "-q", "--no-header", "-n", "2"]
    environment = os.environ | surrounding.variables
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR")) or " in " in line]
    print(f"{surrounding.name}: tests:", *lines[-20:], sep="\n  ", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
