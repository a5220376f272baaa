"""What the extension refuses of rows of a stream; their values are tested where they are used."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp import kernels


def test_taking_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    stream, rows, out = np.arange(4, dtype=np.uint8), np.array([0, 5], np.int64), np.zeros(2, np.uint8)
    kernels.native.take(stream, rows, out, (2, 3))
    assert out.tolist() == [0, 0b10000000]  # bits 15 to 17 of 00000000 00000001 00000010 00000011
    for sizes in [(2, 0), (-1, 3), (2, 2**62)]:
        with pytest.raises(ValueError, match=r"^a size must be from"):
            kernels.native.take(stream, rows, out, sizes)
    for sizes in [(1, 3), (2, 9)]:
        with pytest.raises(ValueError, match=r"bytes, expected"):
            kernels.native.take(stream, rows // 5, out, sizes)
    for row in (-1, 10, 2**62):
        with pytest.raises(IndexError, match=rf"^row {row} of a stream of 10$"):
            kernels.native.take(stream, np.array([0, row]), out, (2, 3))
