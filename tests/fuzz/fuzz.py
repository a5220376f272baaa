"""Look for inputs that crash a reader: python -m tests.fuzz.fuzz TARGET --seconds N  (needs atheris; see Makefile).

What it finds on the way goes into build/fuzz/TARGET, beside the seeds in tests/fuzz/corpus/TARGET; an input that
crashes is left in the working folder as crash-…, and the exit code is not 0.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import random
import struct
import sys
import warnings
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["embcomp"]):
    for part in ("embcomp.formats", "embcomp.container", "embcomp.compressors"):  # readers import each other late
        for module in pkgutil.iter_modules(importlib.import_module(part).__path__, f"{part}."):
            importlib.import_module(module.name)
    from tests.fuzz.targets import FILE, TARGETS

from tests.container.builder import Parts, with_header

CORPUS = Path(__file__).parent / "corpus"
FIXTURES = Path(__file__).parents[1] / "fixtures"
FOUND = Path("build") / "fuzz"
ODD_VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2,
    2**31,
    2**63,
    10**30,
    0.5,
    "",
    "x",
    "|u1",
    "<f8",
    [],
    [0],
    [1, 2],
    {},
]


def mutate_container(data: bytes, max_size: int, seed: int) -> bytes:
    """Change one part and let checksums, lengths and offsets follow, so that what lies behind them is reached."""
    mutated = changed_container(data, max_size, random.Random(seed))
    return mutated if len(mutated) <= max_size else data[:max_size]


def changed_container(data: bytes, max_size: int, rng: random.Random) -> bytes:
    if rng.random() < 0.2:
        return atheris.Mutate(data, max_size)
    try:
        parts = Parts(data)
        if rng.random() < 0.5:
            name = rng.choice(parts.sections)["name"]
            changed = atheris.Mutate(parts.bytes[name], max_size)
            size = int(parts.section(name)["dtype"][2:])
            changed = changed[: len(changed) // size * size]
            parts.set_bytes(name, changed, [len(changed) // size] if len(changed) != len(parts.bytes[name]) else None)
            return parts.build()
        if rng.random() < 0.5:
            change_somewhere(rng, parts.document)
            return parts.build()
        section = rng.choice(parts.sections)
        section[rng.choice(list(section))] = rng.choice(ODD_VALUES)
        return parts.build()
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError, struct.error):
        end = 32 + len(data) % 200
        return with_header(atheris.Mutate(data[32:end], max_size), data[end:])


def change_somewhere(rng: random.Random, document: dict[str, Any]) -> None:
    """Give one field of a JSON document, at any depth, another value; or take it away."""
    while True:
        key = rng.choice(list(document))
        inner = document[key]
        if isinstance(inner, dict) and inner and rng.random() < 0.7:
            document = inner
            continue
        if rng.random() < 0.1:
            del document[key]
        else:
            document[key] = rng.choice([*ODD_VALUES, json.loads(json.dumps(document))])
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    given = parser.parse_args()
    found = FOUND / given.target
    found.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # numbers out of bounds overflow; that is no crash
    flags = [
        sys.argv[0],
        str(found),
        str(CORPUS / given.target),
        *([str(FIXTURES)] if given.target == "container" else []),
        f"-max_total_time={given.seconds}",
        f"-seed={given.seed}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-max_len=20000",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    mutator = {"custom_mutator": mutate_container} if given.target == "container" else {}
    atheris.Setup(flags, TARGETS[given.target], **mutator)
    try:
        atheris.Fuzz()
    finally:
        FILE.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
