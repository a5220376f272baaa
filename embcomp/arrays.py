"""Names for the arrays that the package works with. Shapes are said where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
RowIds = NDArray[np.int64]
"""Numbers of rows: of a matrix, or of a container."""
