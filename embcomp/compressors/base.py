"""The contract of a compressor.

A compressor turns vectors into codes and codes into vectors. It follows four rules:

1.  Its constructor only assigns. ``check_config`` checks the options; ``from_config`` and ``fit`` call it.
2.  ``fit`` learns from a matrix and sets attributes ending in ``_``; it returns ``self`` and changes neither
    its input nor its options.
3.  Its *config* (options by name, JSON values) is its identity, and its *state* (named arrays) is what it
    learned. ``from_config(config)`` followed by ``set_state(state)`` gives a compressor that encodes and decodes
    exactly as the fitted one did. Both go into the container; nothing else does.
4.  The same input, config and version give the same codes and the same state, whatever the number of threads.

A method declares its options (:func:`embcomp.checks.option`) and its learned arrays
(:func:`embcomp.compressors.state.array`) as annotated attributes of its class, and writes ``layout``, ``_fit``,
``_encode_block`` and ``_decode_block``. Everything else is here: constructor, checks, ``get_params`` and
``set_params``, comparison, config and state, the loops over blocks of rows.

Codes are *loose rows* (see :mod:`embcomp.bits`): uint8, shape (n, ceil(row_bits / 8)).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, dataclass_transform

import numpy as np

from embcomp import bits, checks
from embcomp.arrays import AnyArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.compressors.config import Configurable, declared
from embcomp.compressors.lookup import Lookup, Words
from embcomp.compressors.state import Array, State, array
from embcomp.errors import CorruptError, NotFittedError, ParameterError
from embcomp.progress import Progress, no_progress
from embcomp.threads import BLOCK_ROWS, for_blocks, map_blocks

StreamDecoder = Callable[[BytesArray, int, RowIds, FloatArray], None]
"""Takes a stream of codes, the width of its rows, the rows to decode, int64, shape (n,), and room: (n, dim)."""

Report = dict[str, Any]
"""Facts about a fit for people: JSON values, not needed to decode."""

MAX_DIM = 2**20  # dimensions of a vector
BLOCK_NUMBERS = 2**22  # in a block of rows at most, where one row has fewer
MAX_MAGNITUDE = 1e15  # of a number: its square, summed over a block of rows, is still far from float32's 3.4e38


@dataclass(frozen=True)
class CodeLayout:
    """What one row of code is made of.

    ``binary``: ``symbols`` bits, each the sign of one output dimension.
    ``indexed``: ``symbols`` numbers of ``symbol_bits`` bits, each an index into a codebook.
    ``fields``: ``symbols`` bits, of numbers of several widths; the method's state says which.
    ``none``: no bits; the row's number is all there is.

    ``length_bits`` bits follow the symbols: the length of the row's vector, on a logarithmic scale.
    """

    kind: Literal["binary", "indexed", "fields", "none"]
    symbols: int
    symbol_bits: int = 1
    length_bits: int = 0

    @classmethod
    def of_symbols(cls, n_symbols: int, ways: int) -> CodeLayout:
        """Return the layout of ``n_symbols`` symbols with values from 0 to ``ways`` − 1."""
        return cls("indexed", n_symbols, symbol_bits(ways))

    @property
    def row_bits(self) -> int:
        """Bits of code per row."""
        return self.symbols * self.symbol_bits + self.length_bits


def symbol_bits(ways: int) -> int:
    """Bits of a symbol with ``ways`` values, at least 1."""
    return max(1, (ways - 1).bit_length())


@dataclass_transform(kw_only_default=True, field_specifiers=(checks.option, array))
class Compressor(Configurable):
    """Base of all compressors. See the module's text for the contract."""

    name: ClassVar[str]
    """The method's name."""
    summary: ClassVar[str]
    """What the method is, in one line."""
    slow: ClassVar[bool] = False
    """Whether fitting takes minutes where that of others takes seconds; ``compare`` then waits to be asked for it."""
    encodes_vectors: ClassVar[bool] = True
    """Whether ``encode`` takes vectors; if not, a code belongs to its row and only ``fit_encode`` gives codes."""
    loss_kind: ClassVar[str | None] = None
    """What ``report["losses"]`` measures, where methods measure the same."""
    decodes_by_products: ClassVar[bool] = True
    """Whether decoding multiplies matrices, which has to be done on one thread to give the same numbers always."""
    arrays: ClassVar[tuple[Array, ...]] = ()
    """The learned arrays, in order of declaration."""

    def __init_subclass__(cls) -> None:
        """Collect the arrays that the class body declares."""
        super().__init_subclass__()
        cls.arrays += tuple(replace(each, name=name.removesuffix("_")) for name, each in declared(cls, Array))

    # What a method writes

    @property
    @abstractmethod
    def layout(self) -> CodeLayout:
        """What a row of code is made of; known once fitted."""

    @abstractmethod
    def _fit(self, rows: FloatArray, progress: Progress) -> Report | None:
        """Learn from ``rows``, float32, shape (n, dim), n may be 0: set the declared arrays, return the report."""

    @abstractmethod
    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        """Return the codes of some vectors, loose rows of ``layout``; each follows from its own vector only."""

    @abstractmethod
    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        """Return the vectors of some codes, float32, shape (n, dim).

        ``row_ids`` (int64, shape (n,)) are the rows' numbers in the container; only methods whose code belongs
        to the row and not to its vector look at them.
        """

    def _fit_sample(self, rows: FloatArray, ranks: RowIds, n_rows: int, progress: Progress) -> Report | None:
        """Learn from the rows of ``sample_ranks``, where there are ``n_rows``; for methods that have it."""
        return self._fit(rows, progress)

    def _encode_grade(self, vectors: FloatArray, grade: int) -> BytesArray:
        """Return the codes of some vectors, loose rows of ``layouts[grade]``; for methods with several grades."""
        return self._encode_block(vectors)

    def _decode_grade(self, codes: BytesArray, row_ids: RowIds, grade: int) -> FloatArray:
        """Return the vectors of some codes of a grade; for methods with several."""
        return self._decode_block(codes, row_ids)

    def _fit_encode(self, vectors: FloatArray, progress: Progress) -> tuple[Report | None, BytesArray | None]:
        """Learn; return the report, and the codes of all vectors if learning settles them (``learns_codes``)."""
        return self._fit(vectors[: self._most_rows], progress), None

    def _before_encoding(self) -> None:
        """Compute, once, what :meth:`_encode_block` needs on every thread."""

    def _before_decoding(self) -> None:
        """Compute, once, what :meth:`_decode_block` needs on every thread."""

    def _check_state(self) -> None:
        """Check what dtypes and shapes do not say about the arrays. Raises ``CorruptError``."""

    # Learning

    def fit(self, vectors: FloatArray, progress: Progress = no_progress) -> Self:
        """Learn from ``vectors``, float32, shape (n, dim), n may be 0.

        Raises:
            ParameterError: an option is not allowed, or the vectors hold numbers out of bounds.
        """
        self._start(vectors)
        self._finish(self._fit(vectors[: self._most_rows], progress))
        return self

    def fit_sample(self, rows: FloatArray, ranks: RowIds, n_rows: int, progress: Progress = no_progress) -> Self:
        """Learn from the rows of :meth:`sample_ranks`, where there are ``n_rows``, what ``fit`` learns from all."""
        self._start(rows)
        self._finish(self._fit_sample(rows, ranks, n_rows, progress))
        return self

    def fit_encode(self, vectors: FloatArray, progress: Progress = no_progress) -> BytesArray:
        """Learn from ``vectors``, the rows from 0 on, and return their codes."""
        self._start(vectors)
        report, codes = self._fit_encode(vectors, progress)
        self._finish(report)
        return self.encode(vectors, progress) if codes is None else codes

    def _start(self, vectors: FloatArray) -> None:
        self.check_config()
        self._require_matrix(vectors)
        self._require_moderate(vectors[: self._most_rows])
        self._forget()

    def _finish(self, report: Report | None) -> None:
        self._bind()
        self._report = report or {}

    def seconds_to_fit(self, n_rows: int, dim: int) -> float:
        """About how long fitting so many rows takes here; 0 where that is not worth saying."""
        return 0.0

    @property
    def report(self) -> Report:
        """Facts about the fit for people; empty if the state was set and not learned here."""
        self._require_fitted()
        return getattr(self, "_report", {})

    # Codes

    @property
    def block_rows(self) -> int:
        """Rows encoded or decoded at once."""
        return max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // max(self.dim, self._working_width)))

    @property
    def _working_width(self) -> int:
        """Numbers that are held of a row while it is encoded or decoded, where they may be more than ``dim``."""
        return 0

    def encode(self, vectors: FloatArray, progress: Progress = no_progress, grade: int = 0) -> BytesArray:
        """Return the codes of ``vectors``, float32, shape (n, dim), of one of the method's grades.

        Raises:
            ParameterError: the vectors have other dimensions than those learned from, or numbers out of bounds.
        """
        self._require_dim(vectors)
        self._before_encoding()
        out = np.empty((len(vectors), bits.row_bytes(self.layouts[grade].row_bits)), dtype=np.uint8)

        def encode_block(rows: slice) -> int:
            self._require_moderate(vectors[rows])
            out[rows] = self._encode_grade(vectors[rows], grade)
            return int(rows.stop)

        for done in map_blocks(encode_block, len(vectors), self.block_rows):
            progress("encode", done, len(vectors))
        return out

    def decode(self, codes: BytesArray, row_ids: RowIds | None = None, grade: int = 0) -> FloatArray:
        """Return vectors, float32, shape (n, dim), for ``codes`` of one of the method's grades.

        ``row_ids`` (int64, shape (n,)) are the rows' numbers in the container, 0 to n − 1 if not given.
        """
        self._require_fitted()
        if self.stream_decoders:
            return self.decode_stream(*bits.as_stream(codes), 0, grade)
        all_ids = _row_ids(row_ids, len(codes))
        with np.errstate(over="ignore", invalid="ignore"):  # `verify` finds states of absurd numbers
            self._before_decoding()
            if len(codes) == 1 and not self.decodes_by_products:  # telling BLAS to use one thread takes longer
                return self._decode_grade(codes, all_ids, grade)
        out = np.empty((len(codes), self.dim), dtype=np.float32)

        def decode_block(rows: slice) -> None:
            with np.errstate(over="ignore", invalid="ignore"):
                out[rows] = self._decode_grade(codes[rows], all_ids[rows], grade)

        for_blocks(decode_block, len(codes), self.block_rows)
        return out

    @property
    def stream_decoders(self) -> Sequence[StreamDecoder]:
        """What decodes rows of a stream of codes of each grade; where there is none, loose rows are taken first."""
        return ()

    def decode_stream(self, stream: BytesArray, width: int, rows: RowIds, start: int, grade: int) -> FloatArray:
        """Return the vectors of some rows of a stream of codes, float32, shape (n, dim).

        ``rows``, int64, shape (n,), are counted from the first of their grade, which has number ``start``.
        """
        if not self.stream_decoders:
            return self.decode(bits.take(stream, width, rows), rows + start, grade)
        decoder, out = self.stream_decoders[grade], np.empty((len(rows), self.dim), dtype=np.float32)
        if len(rows) == 1:  # telling BLAS to use one thread takes longer
            decoder(stream, width, rows, out)
        else:
            for_blocks(lambda block: decoder(stream, width, rows[block], out[block]), len(rows), self.block_rows)
        return out

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source's space to the space of decoded ones, so that the two can be compared."""
        self._require_dim(vectors)
        return vectors if self.offset is None else vectors - self.offset

    # Facts

    @property
    def layouts(self) -> tuple[CodeLayout, ...]:
        """What a row of code is made of in each grade, from the first rows to the last; most methods have one."""
        return (self.layout,)

    @property
    def grade_ends(self) -> tuple[int, ...]:
        """The row where each grade but the last ends: ascending, one less than there are ``layouts``."""
        return ()

    @property
    def dim(self) -> int:
        """Numbers per decoded vector; known once fitted."""
        return self.extents["dim"]

    @property
    def n_rows(self) -> int | None:
        """Number of rows of a state that has entries per row; else ``None``."""
        return self.extents.get("rows")

    @property
    def extents(self) -> Mapping[str, int]:
        """Lengths of the axes of the learned arrays, by name; known once fitted."""
        self._require_fitted()
        return self._extents

    @property
    def learns_codes(self) -> bool:
        """Whether fitting settles the codes of the rows that it sees, so that only ``fit_encode`` gives them."""
        return not self.encodes_vectors

    @property
    def head_rows(self) -> int | None:
        """How many rows, counted from the first, must be there to fit; ``None``: all.

        A method with a number here can be fitted before the rest of a file is read.
        """
        return None if self.learns_codes else self._most_rows

    @property
    def samples_rows(self) -> bool:
        """Whether ``sample_ranks`` chooses the rows to learn from, so that the others need not be held."""
        return False

    def sample_ranks(self, ranks: RowIds) -> RowIds:
        """Return those of ``ranks``, which ascend, to learn from; among them are those that it chooses of more."""
        return ranks

    @property
    def offset(self) -> FloatArray | None:
        """What to add to decoded vectors to return to the source's own origin, float32, shape (dim,).

        Methods that centre declare it (``array(…, offset=True)``) and decode to centred vectors, whose cosines are
        those of the codes.
        """
        self._require_fitted()
        return next((getattr(self, array.attribute) for array in self.arrays if array.offset), None)

    @property
    def codewords(self) -> FloatArray | None:
        """Codewords whose sum is the decoded vector, float32, shape (symbols, K, dim); ``None``: it is no such sum.

        Row ``s`` of codebook ``m`` is what symbol ``s`` in place ``m`` adds. K is at most ``2 ** symbol_bits``, and
        symbols from K on stand for K − 1. For indexed codes.
        """
        return None

    @property
    def bit_directions(self) -> FloatArray | None:
        """What a bit of 1 adds to the decoded vector and a bit of 0 takes away, float32; ``None``: it is no such sum.

        Shape (bits, dim); or (dim,), where each bit has one dimension, and only this number there. For binary codes.
        """
        return None

    @property
    def lookups(self) -> tuple[Lookup | None, ...]:
        """What the symbols of the codes of each grade stand for; ``None``: decoded vectors are no such sums."""
        words = self.codewords
        if words is None:
            return (None,) * len(self.layouts)
        n_words, n_values = words.shape[1], 2**self.layout.symbol_bits
        if n_words < n_values:
            words = words[:, np.minimum(np.arange(n_values), n_words - 1)]
        return (Lookup(np.zeros(self.dim), (Words(words),)),)

    # Options

    @classmethod
    def options_for_bits(cls, n_bits: int, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Options, besides those ``given``, with which a row of ``dim`` numbers takes ``n_bits`` or a little less.

        They are bits of its code, or for a method without codes its share of what is learned. ``None``: there are no
        such options, or they are among those given. Where the code is of symbols: as many as ``n_bits`` hold, or a
        single narrower one.
        """
        width, symbols, ways = (cls.option_for(role) for role in ("width", "symbols", "ways"))
        if width is not None and width.name not in given:
            return {width.name: n_bits}
        if symbols is None or ways is None or symbols.name in given:
            return None
        each = symbol_bits(given.get(ways.name, ways.default))
        return {symbols.name: n_bits // each} if n_bits >= each else {symbols.name: 1, ways.name: 2**n_bits}

    @classmethod
    def options_for_ratio(cls, ratio: float, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Options with which vectors take about ``ratio`` times less than as float32, where that is not a matter of
        bits in a code. ``None`` as for :meth:`options_for_bits`.
        """
        return None

    @property
    def _most_rows(self) -> int | None:
        """The value of the option that says how many rows to learn from, if that is a number."""
        head = self.option_for("head")
        rows = None if head is None else getattr(self, head.name)
        return rows if isinstance(rows, int) else None

    # State

    def get_state(self) -> State:
        """Return the learned arrays by name, exactly what ``decode`` and ``encode`` need."""
        self._require_fitted()
        return {array.name: getattr(self, array.attribute) for array in self._own_arrays()}

    def set_state(self, state: Mapping[str, AnyArray]) -> None:
        """Take what ``get_state`` gave.

        Raises:
            CorruptError: an array is missing or unknown, or has another dtype or shape, or values out of bounds.
        """
        self._forget()
        known = {array.name: array.attribute for array in self._own_arrays()}
        for name in state:
            if name not in known:
                raise CorruptError(f"state {name!r} is unknown to {self.name}")
        for name, attribute in known.items():
            if name not in state:
                raise CorruptError(f"state {name!r} is missing")
            setattr(self, attribute, state[name])
        self._bind()

    def of_bands(self, counts: Sequence[int]) -> Compressor:
        """Return a compressor for rows of these bands only, where ``counts`` says how many each band has."""
        kept = [band for band, n_rows in enumerate(counts) if n_rows] or [0]
        if len(self.layouts) == 1:
            return self
        state = self._state_of_bands(kept)
        state["ends"] = np.cumsum([counts[band] for band in kept]).astype(state["ends"].dtype)
        smaller = type(self).from_config(self.get_config())
        smaller.set_state(state)
        return smaller

    def _state_of_bands(self, kept: list[int]) -> State:
        """Return the state with some of the bands only, for methods with several grades."""
        of_bands = {array.name for array in self.arrays if array.shape[:1] == ("bands",)}
        return {name: values[kept] if name in of_bands else values for name, values in self.get_state().items()}

    @property
    def decode_state(self) -> frozenset[str]:
        """Names in the state that ``decode`` needs: what counts, beside the codes, in the vectors-only ratio."""
        return frozenset(array.name for array in self._own_arrays() if not array.encodes_only)

    def _own_arrays(self) -> Iterator[Array]:
        """The arrays that there are with these options."""
        return (array for array in self.arrays if array.when(self))

    def _bind(self) -> None:
        """Check the arrays and find the extents. One named as an option has its value, if that is an integer."""
        self._extents = {name: value for name, value in self.get_config().items() if type(value) is int}
        try:
            for array in self._own_arrays():
                array.check(getattr(self, array.attribute), self, self._extents)
            self._check_state()
        except CorruptError:
            self._forget()
            raise

    # Refusals

    def _require_fitted(self) -> None:
        if not hasattr(self, "_extents"):
            raise NotFittedError(f"{self.name}: call fit before using it")

    def _require_matrix(self, vectors: FloatArray) -> None:
        if vectors.ndim != 2 or not 1 <= vectors.shape[1] <= MAX_DIM or vectors.dtype != np.float32:
            raise ParameterError(
                f"{self.name}: vectors must be float32 of shape (rows, 1 to {MAX_DIM}), "
                f"got {vectors.dtype} of {vectors.shape}"
            )

    def _require_dim(self, vectors: FloatArray) -> None:
        dim = self.dim
        self._require_matrix(vectors)
        if vectors.shape[1] != dim:
            raise ParameterError(f"{self.name}: vectors must have shape (rows, {dim}) as fitted, got {vectors.shape}")

    def _require_moderate(self, vectors: FloatArray) -> None:
        """Refuse numbers that float32 products of rows cannot hold, and NaN."""
        low, high = float(vectors.min(initial=0)), float(vectors.max(initial=0))
        if not (low >= -MAX_MAGNITUDE and high <= MAX_MAGNITUDE):  # so written, NaN is refused too
            raise ParameterError(
                f"{self.name}: vectors must hold numbers of at most {MAX_MAGNITUDE:g} in magnitude, "
                f"got {low:g} to {high:g}"
            )


def _row_ids(given: RowIds | None, n_rows: int) -> RowIds:
    return np.arange(n_rows, dtype=np.int64) if given is None else given
