"""Every truncation and every flipped bit of a small container is found. All of them are tried.

The file is changed in place: creating it again for each of 20,000 flips would wait for the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from embcomp.container.reader import open_container, verify
from embcomp.errors import ContainerError
from tests.container.builder import WORDS


def found(path: Path) -> bool:
    """Whether verify reports the file or refuses it."""
    try:
        return bool(verify(path))
    except ContainerError:
        return True


@contextmanager
def flipped(path: Path, bit: int) -> Iterator[None]:
    """One bit of the file is the other way round for a while; bit 0 is the highest of byte 0."""
    with path.open("r+b", buffering=0) as file:
        before = os.pread(file.fileno(), 1, bit // 8)
        os.pwrite(file.fileno(), bytes([before[0] ^ (0x80 >> bit % 8)]), bit // 8)
        yield
        os.pwrite(file.fileno(), before, bit // 8)


def test_the_whole_file_is_fine(saved: Path) -> None:
    assert not found(saved)


def test_every_truncation_is_found(saved: Path) -> None:
    missed = []
    for length in range(saved.stat().st_size - 1, -1, -1):
        os.truncate(saved, length)
        if not found(saved):
            missed.append(length)
    assert missed == []
    assert length == 0


def test_every_flipped_bit_is_found(saved: Path) -> None:
    missed = []
    for bit in range(8 * saved.stat().st_size):
        with flipped(saved, bit):
            if not found(saved):
                missed.append(bit)
    assert missed == []
    assert not found(saved)


@pytest.mark.parametrize("extra", [b"\0", b"\0" * 64, b"x" * 1000])
def test_anything_appended_is_found(saved: Path, extra: bytes) -> None:
    with saved.open("ab") as file:
        file.write(extra)
    assert found(saved)


def test_opening_never_gives_a_wrong_word_or_state(saved: Path) -> None:
    """A flipped bit in a section that opening checks is refused; one in codes or padding leaves the rest right."""
    state = {name: array.copy() for name, array in open_container(saved).compressor.get_state().items()}
    n_opened = 0
    for bit in range(0, 8 * saved.stat().st_size, 7):
        with flipped(saved, bit):
            try:
                opened = open_container(saved)
                words = opened.words  # here the order is checked
            except ContainerError:
                continue
            n_opened += 1
            assert words == WORDS
            assert all(np.array_equal(array, state[name]) for name, array in opened.compressor.get_state().items())
    assert n_opened  # the codes are not checked on opening
