"""Some inputs that fuzzing would try, without the fuzzer."""

from __future__ import annotations

import random
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from embcomp.memory import set_max_memory
from tests.fuzz.changes import CHANGES
from tests.fuzz.targets import FILE, TARGETS

FOLDER = Path(__file__).parent
TIMES = 60
CANNOT_CHANGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error, zlib.error)


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Iterator[None]:
    set_max_memory(2**26)
    yield
    set_max_memory(None)
    FILE.unlink(missing_ok=True)


def scramble(data: bytes, rng: random.Random) -> bytes:
    """Change a byte or some, leave some out, or have some twice."""
    changed = bytearray(data or b"\0")
    at = rng.randrange(len(changed))
    what = rng.randrange(4)
    if what == 0:
        changed[at] ^= 1 << rng.randrange(8)
    elif what == 1:
        del changed[at : at + rng.randrange(1, 5)]
    elif what == 2:
        changed[at:at] = changed[at : at + rng.randrange(1, 9)]
    else:
        changed[at : at + 4] = rng.randbytes(4)
    return bytes(changed)


@pytest.mark.parametrize("target", CHANGES)
def test_changed_inputs_are_refused_or_read(target: str) -> None:
    seeds = sorted((FOLDER / "corpus" / target).glob("*"))
    seeds += sorted((FOLDER.parent / "fixtures").glob("*.embc")) if target == "container" else []
    assert seeds
    n_tried = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of overflows, in containers of absurd numbers
        for number in range(TIMES):
            rng = random.Random(number)
            data = rng.choice(seeds).read_bytes()
            try:
                changed = CHANGES[target](data, rng, lambda part, rng=rng: scramble(part, rng))  # type: ignore[misc]
            except CANNOT_CHANGE:
                continue
            TARGETS[target](changed)
            n_tried += 1
    assert n_tried > TIMES // 2
