"""What every compressor is.

A compressor turns vectors into codes and codes into vectors. It follows four rules:

1.  Its constructor only assigns. ``check_config`` judges the options, and is called before any file is read.
2.  ``fit`` learns from a matrix and writes attributes ending in ``_``; it returns ``self`` and changes neither
    its input nor its options.
3.  Its *config* (options by name, JSON values) is its identity, and its *state* (named arrays) is what it
    learnt. ``from_config(config)`` followed by ``set_state(state)`` gives a compressor that encodes and decodes
    exactly as the fitted one did. Both go into the container; nothing else does.
4.  The same input, config and version give the same codes and the same state, whatever the number of threads.

Codes are *loose rows* (see :mod:`embcomp.bits`): uint8, shape (n, ceil(row_bits / 8)).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import BytesArray
from embcomp.checks import Option
from embcomp.embedding import FloatMatrix
from embcomp.errors import CorruptError, NotFittedError, ParameterError
from embcomp.progress import Progress, no_progress

State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class CodeLayout:
    """What one row of code is made of.

    ``binary``: ``symbols`` bits, each the sign of one output dimension.
    ``indexed``: ``symbols`` numbers of ``symbol_bits`` bits, each an index into a codebook.
    ``none``: no bits; the row's number is all there is.
    """

    kind: Literal["binary", "indexed", "none"]
    symbols: int
    symbol_bits: int = 1

    @property
    def row_bits(self) -> int:
        """Bits of code per row."""
        return self.symbols * self.symbol_bits


@dataclass(frozen=True)
class Summary:
    """What one pass over rows leaves in bounded memory.

    Attributes:
        n_rows: rows seen.
        mean: float32, shape (dim,); the same numbers as :func:`embcomp.embedding.mean_rows` gives.
        covariance: Σ (x − mean)ᵀ(x − mean), float64, shape (dim, dim).
        sample: rows drawn evenly from all, in no order, float32, shape (at most some thousands, dim).
    """

    n_rows: int
    mean: NDArray[np.float32]
    covariance: NDArray[np.float64]
    sample: FloatMatrix


class Compressor(ABC):
    """Base of all compressors. See the module's text for the contract."""

    name: ClassVar[str]
    """The word after ``--method``."""
    summary: ClassVar[str]
    """One line for ``embcomp methods``."""
    slow: ClassVar[bool] = False
    """Whether fitting takes minutes where that of others takes seconds; ``compare`` then waits to be asked for it."""
    options: ClassVar[tuple[Option, ...]] = ()
    """The constructor's arguments, in order, with what each may be."""
    encodes_vectors: ClassVar[bool] = True
    """Whether ``encode`` takes vectors; if not, a code belongs to its row and only ``fit_encode`` gives codes."""

    @abstractmethod
    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Learn from ``vectors``, float32, shape (n, dim), n may be 0."""

    @abstractmethod
    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Return the codes of ``vectors``, float32, shape (n, dim)."""

    @abstractmethod
    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return vectors, float32, shape (n, dim), for ``codes``.

        ``row_ids`` (int64, shape (n,)) are the rows' numbers in the container; only methods whose code belongs
        to the row and not to its vector look at them.
        """

    @property
    @abstractmethod
    def layout(self) -> CodeLayout:
        """What a row of code is made of; known once fitted."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Numbers per decoded vector; known once fitted."""

    @abstractmethod
    def get_state(self) -> State:
        """Return the learnt arrays by name, exactly what ``decode`` and ``encode`` need."""

    @abstractmethod
    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what ``get_state`` gave. Raises ``CorruptError`` if the arrays do not fit together."""

    def fit_encode(
        self,
        vectors: FloatMatrix,
        row_ids: NDArray[np.int64] | None = None,
        progress: Progress = no_progress,
    ) -> BytesArray:
        """Learn from ``vectors`` and return their codes; the path that the command line takes.

        ``row_ids`` as for :meth:`decode`; ``None`` means 0 to n − 1.
        """
        self.fit(vectors, progress)
        return self.encode(vectors)

    @property
    def head_rows(self) -> int | None:
        """How many rows, counted from the first, ``fit`` looks at; ``None`` if it looks at all.

        A method that has the option ``fit_rows`` and a number in it can be fitted before the rest of a file is read.
        """
        rows = self.get_config().get("fit_rows", "all")
        return rows if isinstance(rows, int) else None

    def fit_summary(self, summary: Summary, progress: Progress = no_progress) -> Self:
        """Learn from a summary of the rows instead of the rows, where a matrix of them would not fit in memory.

        Raises:
            ParameterError: the method needs all rows at once.
        """
        raise ParameterError(f"{self.name}: needs all {summary.n_rows} rows in memory at once; raise --max-memory")

    @property
    def needs_all_rows(self) -> bool:
        """Whether a matrix of all rows must be in memory: there is neither a head nor a summary to learn from."""
        return self.head_rows is None and type(self).fit_summary is Compressor.fit_summary

    @property
    def report(self) -> dict[str, Any]:
        """Facts about the fit for people: JSON values, not needed to decode."""
        return {}

    @property
    def decode_state(self) -> frozenset[str]:
        """Names in the state that ``decode`` needs: what counts, beside the codes, in the vectors-only ratio."""
        return frozenset(self.get_state())

    @property
    def n_rows(self) -> int | None:
        """Rows that the state was learnt for, where it has something for each of them; else ``None``."""
        return None

    @property
    def offset(self) -> NDArray[np.float32] | None:
        """What to add to decoded vectors to come back to the source's own origin, float32, shape (dim,).

        Methods that centre decode to centred vectors, whose cosines are those of the codes.
        """
        return None

    @property
    def codewords(self) -> NDArray[np.float32] | None:
        """Codewords whose sum is the decoded vector, float32, shape (symbols, K, dim); ``None``: it is no such sum.

        Row ``s`` of codebook ``m`` is what symbol ``s`` in place ``m`` adds. K is at most ``2 ** symbol_bits``, and
        symbols from K on stand for K − 1. For binary codes a symbol is a bit: K is 2.
        """
        return None

    def align(self, vectors: FloatMatrix) -> FloatMatrix:
        """Bring vectors of the source's space to the space of decoded ones, so that the two can be compared."""
        self._require_dim(vectors)
        return vectors if self.offset is None else vectors - self.offset

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Options by name, as they are if nothing is given."""
        return {option.name: option.default for option in cls.options}

    @classmethod
    def options_for_bits(cls, n_bits: int, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Options with which a row of ``dim`` numbers takes ``n_bits`` or a little less, beside those ``given``.

        They are bits of its code, or for a method without codes its share of what is learnt. ``None``: there are no
        such options, or they are among those given.
        """
        declared = any(option.name == "bits" for option in cls.options)
        return {"bits": n_bits} if declared and "bits" not in given else None

    @classmethod
    def options_for_ratio(cls, ratio: float, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Options with which vectors take about ``ratio`` times less than as float32, where that is not a matter of
        bits in a code. ``None`` as for :meth:`options_for_bits`.
        """
        return None

    def check_config(self) -> None:
        """Judge the options.

        Raises:
            ParameterError: naming the option, what it must be, and what it is.
        """
        for option in self.options:
            value = getattr(self, option.name)
            if not option.check.allows(value):
                raise ParameterError(f"{self.name}: {option.flag} must be {option.check.describe()}, got {value!r}")

    def get_config(self) -> dict[str, Any]:
        """Options by name, as given; JSON values."""
        return {option.name: getattr(self, option.name) for option in self.options}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build one from options by name; missing ones take their defaults.

        Raises:
            ParameterError: an option is unknown to this method, or not allowed.
        """
        known = {option.name for option in cls.options}
        for name in config:
            if name not in known:
                flags = ", ".join(option.flag for option in cls.options) or "no options"
                given = "--" + name.replace("_", "-")
                raise ParameterError(f"{cls.name}: {given} is not an option of this method; it takes {flags}")
        compressor = cls(**config)
        compressor.check_config()
        return compressor

    def _require_matrix(self, vectors: FloatMatrix) -> None:
        if vectors.ndim != 2 or vectors.shape[1] == 0 or vectors.dtype != np.float32:
            raise ParameterError(
                f"{self.name}: vectors must be float32 of shape (rows, at least 1), "
                f"got {vectors.dtype} of {vectors.shape}"
            )

    def _require_dim(self, vectors: FloatMatrix) -> None:
        self._require_matrix(vectors)
        if vectors.shape[1] != self.dim:
            raise ParameterError(
                f"{self.name}: vectors must have shape (rows, {self.dim}) as fitted, got {vectors.shape}"
            )

    def _require_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise NotFittedError(f"{self.name}: call fit before using it")


def state_array(state: Mapping[str, NDArray[Any]], name: str, dtype: str, *shape: int | None) -> NDArray[Any]:
    """Return ``state[name]`` if it has the given dtype and shape (``None`` matches any length).

    Raises:
        CorruptError: it is missing, or is of another kind or shape, or holds NaN or infinity.
    """
    if name not in state:
        raise CorruptError(f"state {name!r} is missing")
    array = state[name]
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        wanted = tuple("any" if length is None else length for length in shape)
        raise CorruptError(f"state {name!r} must be {dtype} of shape {wanted}, got {array.dtype} of {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise CorruptError(f"state {name!r} holds values that are not finite")
    return array
