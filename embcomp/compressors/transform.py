"""Transform coding: principal coordinates, each rounded to as many levels as its variance earns."""

from __future__ import annotations

from embcomp.compressors.graded import GradedCompressor


class TransformCompressor(GradedCompressor):
    """Principal coordinates of unit rows, scalar codes, wider ones for frequent words.

    Transform coding [Huang and Schultheiss 1963, "Block quantization of correlated Gaussian random variables"; Goyal
    2001, "Theoretical foundations of transform coding"] with bits shared out by reverse water-filling, for each band
    of frequency rank anew. There is no seed, and there are no rounds.
    """

    name = "transform"
    summary = "principal coordinates in a few bits each, more for frequent words"
