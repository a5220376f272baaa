"""What a compressor learns: named arrays, declared once with dtype and shape.

A subclass of :class:`~embcomp.compressors.base.Compressor` declares them in its body::

    mean_: FloatArray = array("<f4", "dim")
    rotation_: FloatArray = array("<f4", "dim", "bits")

and sets the attributes when it is fitted. In a container they are called ``mean`` and ``rotation``. A word in a shape
is an *extent*: the same number wherever it occurs in the arrays of one compressor. Two extents have a meaning for all
methods: ``dim`` is the number of dimensions of a vector, ``rows`` the number of rows of the container.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from embcomp.arrays import AnyArray
from embcomp.errors import CorruptError

State = dict[str, AnyArray]
Extent = int | str | Callable[[Any], int]


@dataclass(frozen=True)
class Array:
    """A learned array, as declared once.

    Attributes:
        name: in the state; the attribute has an underscore after it.
        dtype: as it is stored, little-endian; or a function of the compressor that returns it.
        shape: of each axis its length, its extent, or a function of the compressor that returns its length. Functions
            see the arrays declared before and their extents.
        when: tells from a compressor's options whether it has the array.
        encodes_only: whether decoding does without it.
        offset: whether it is what decoded vectors lack to be around the source's own origin.
    """

    name: str
    dtype: str | Callable[[Any], str]
    shape: tuple[Extent, ...]
    when: Callable[[Any], bool]
    encodes_only: bool
    offset: bool

    @property
    def attribute(self) -> str:
        """Where a compressor keeps it."""
        return self.name + "_"

    def check(self, array: AnyArray, compressor: Any, extents: dict[str, int]) -> None:
        """Refuse an array of another dtype or shape, or one that holds NaN or infinity; add its extents.

        Raises:
            CorruptError: naming the array.
        """
        dtype = np.dtype(self.dtype if isinstance(self.dtype, str) else self.dtype(compressor))
        wanted = [self._length(extent, compressor, extents) for extent in self.shape]
        fits = array.ndim == len(wanted) and all(
            isinstance(want, str) or want == got for want, got in zip(wanted, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            raise CorruptError(
                f"state {self.name!r} must be {dtype.str} of shape {_text(wanted)}, "
                f"got {array.dtype.str} of {_text(array.shape)}"
            )
        if dtype.kind == "f" and not np.isfinite(array).all():
            raise CorruptError(f"state {self.name!r} holds values that are not finite")
        for want, got in zip(wanted, array.shape, strict=True):
            if isinstance(want, str) and extents.setdefault(want, got) != got:
                raise CorruptError(f"state {self.name!r} must have equal axes {want!r}, got {_text(array.shape)}")

    def _length(self, extent: Extent, compressor: Any, extents: Mapping[str, int]) -> int | str:
        if isinstance(extent, str):
            return extents.get(extent, extent)
        return extent if isinstance(extent, int) else extent(compressor)


def array(
    dtype: str | Callable[[Any], str],
    *shape: Extent,
    when: Callable[[Any], bool] = lambda _: True,
    encodes_only: bool = False,
    offset: bool = False,
    init: Literal[False] = False,
) -> Any:
    """Declare a learned array in the body of a compressor; see :class:`Array`.

    ``init`` tells type checkers that the constructor does not take it.
    """
    return Array("", dtype, shape, when, encodes_only, offset)


def _text(lengths: Any) -> str:
    return "(" + ", ".join(str(length) for length in lengths) + ("," if len(lengths) == 1 else "") + ")"
