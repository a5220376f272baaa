"""Names for the arrays that the package works with. Shapes are said where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
UInt64Array = NDArray[np.uint64]
Symbols = NDArray[np.uint16]
"""Indexes of codewords."""
RowIds = NDArray[np.int64]
"""Numbers of rows: of a matrix, or of a container."""
