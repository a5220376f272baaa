"""Base of methods whose codes belong to rows and not to their vectors."""

from __future__ import annotations

from abc import abstractmethod

from embcomp.arrays import FloatArray
from embcomp.bits import BytesArray
from embcomp.compressors.base import Compressor, Report
from embcomp.errors import ParameterError
from embcomp.progress import Progress


class RowCompressor(Compressor):
    """Base of methods whose codes belong to rows: learning settles them, and new vectors cannot be encoded."""

    encodes_vectors = False

    @abstractmethod
    def _fit_encode(self, vectors: FloatArray, progress: Progress) -> tuple[Report | None, BytesArray]:
        """Learn from the vectors of all rows; return the report and all codes."""

    def _fit(self, rows: FloatArray, progress: Progress) -> Report | None:
        return self._fit_encode(rows, progress)[0]

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        raise ParameterError(
            f"{self.name}: new vectors cannot be encoded, because a code belongs to its row and not to its vector"
        )
