"""Look for inputs that crash a reader: python -m tests.fuzz.fuzz TARGET --seconds N  (needs atheris; see Makefile).

What it finds on the way goes into build/fuzz/TARGET, beside the seeds in tests/fuzz/corpus/TARGET; an input that
crashes is left in the working folder as crash-…, and the exit code is not 0.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import random
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["embcomp"]):
    for part in ("embcomp.formats", "embcomp.container", "embcomp.compressors"):  # readers import each other late
        for module in pkgutil.iter_modules(importlib.import_module(part).__path__, f"{part}."):
            importlib.import_module(module.name)
    from tests.fuzz.targets import FILE, TARGETS

from embcomp.memory import set_max_memory
from embcomp.threads import set_threads
from tests.fuzz.changes import CHANGES, Change

CORPUS = Path(__file__).parent / "corpus"
FIXTURES = Path(__file__).parents[1] / "fixtures"
FOUND = Path("build") / "fuzz"
MOST_MEMORY = 2**26  # bytes of vectors
LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=20000", "-verbosity=1"]  # seconds, memory and input size


def mutator_of(change: Change) -> Callable[[bytes, int, int], bytes]:
    """A change as atheris wants it."""

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        try:
            mutated = change(data, random.Random(seed), lambda part: bytes(atheris.Mutate(part, max_size)))
        except Exception:  # the input was changed before, and cannot be parsed
            return bytes(atheris.Mutate(data, max_size))
        return mutated if len(mutated) <= max_size else data[:max_size]

    return mutate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    given = parser.parse_args()
    found = FOUND / given.target
    found.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # numbers out of bounds overflow; that is no crash
    set_threads(1)
    set_max_memory(MOST_MEMORY)
    with tempfile.TemporaryDirectory() as seeds:
        for path in FIXTURES.glob("*.embc") if given.target == "container" else ():
            shutil.copy(path, seeds)
        flags = [sys.argv[0], str(found), str(CORPUS / given.target), seeds]
        flags += [f"-max_total_time={given.seconds}", f"-seed={given.seed}", *LIMITS, "-print_final_stats=1"]
        change = CHANGES.get(given.target)
        mutator = {} if change is None else {"custom_mutator": mutator_of(change)}
        atheris.Setup(flags, TARGETS[given.target], **mutator)
        try:
            atheris.Fuzz()
        finally:
            FILE.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
