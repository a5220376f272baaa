"""What graded codes share: unit rows along principal directions, bits by band of rank, scalar codes, lengths."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import AnyArray, DoubleArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Real, option
from embcomp.compressors import grades, lengths, principal, scalar
from embcomp.compressors.base import CodeLayout, Compressor, Report, StreamDecoder
from embcomp.compressors.dominant import dominant_directions
from embcomp.compressors.lookup import Levels, Lookup, Words
from embcomp.compressors.options import auto
from embcomp.compressors.state import State, array
from embcomp.embedding import mean_rows
from embcomp.errors import CorruptError
from embcomp.kernels.fields import Sums, TurnedSums
from embcomp.linear import covariance, principal_directions
from embcomp.progress import Progress

FAITHFUL = 2.0  # bits a dimension from which on vectors come back in the source's own space
FINE = 3.0  # bits a dimension from which on a number of a direction takes 16 bits
CENTRED = 0.01  # share of the mean square of rows that their mean may have to count as nothing
WHITENING = 0.75
FAITHFUL_LENGTH_BITS = 8
LENGTH_SHARE = 0.25  # of all bits, at most, in the source's own space

Fields = list[tuple[int, int]]
"""Symbols of one width, and their bits: what a row of code is made of, in order."""


class GradedCompressor(Compressor):
    """Base of codes whose width falls with the rank of the word, see :mod:`embcomp.compressors.grades`.

    A vector less the mean, along the kept principal directions, scaled to length 1 and whitened, is a *unit row*.
    Less the mean unit row of its band it is coded by the method (``_fit_books`` and its like), and what is left of
    each coordinate as a scalar with as many bits as reverse water-filling gives it
    (:mod:`embcomp.compressors.scalar`). A length may follow (:mod:`embcomp.compressors.lengths`).

    Learned from the first ``fit_rows`` rows, and for what depends on the band from some of the others too, see
    :func:`~embcomp.compressors.grades.sample_ranks`.

    Attributes:
        mean_: of the first rows.
        source_space_: 1 if vectors come back as they were, else 0.
        directions_: kept principal directions, integers; rows times ``scales_`` are orthonormal.
        scales_: of the directions.
        weights_: what coordinates of unit rows are multiplied with, see :func:`principal.whitening`.
        ends_: rank after the last of each band.
        centres_: mean unit row of each band.
        shares_: bits of each coordinate's scalar code, by band.
        spreads_: what levels are multiplied with, by band and coordinate.
        levels_: upper halves of the levels for 1, 2, … bits, one after the other.
        length_levels_: what the symbol of a length stands for; the one length of all rows if there are no symbols.
    """

    bits: float | str = option(
        Either(Real(0.125, 65536), OneOf("dim")),
        "bits per word, the mean over all; 'dim' for one bit per dimension",
        default="dim",
        role="width",
    )
    grade: float | str = auto(
        Real(0, 1000), "bits less for each doubling of rank; 'auto' for 0 where words are not in order of frequency"
    )
    lengths: int | str = auto(
        Integer(0, lengths.MOST_BITS), "bits of a row's length; 'auto' for 0 where lengths vary little"
    )
    space: str = option(
        OneOf("auto", "isotropic", "source"),
        "what vectors come back to: without mean and dominant directions, or as they were; 'auto' for the latter "
        "from 2 bits a dimension on, and where there is a mean but no direction stands out",
        default="auto",
    )
    whiten: float | str = auto(
        Real(0, 1),
        "divide coordinates by their standard deviation to this power; 'auto' for 0.75 where lengths vary around a "
        "mean of nothing, as in static sentence models, else 0",
    )
    fit_rows: int | str = option(
        Either(Integer(1), OneOf("all")),
        "learn directions from the first N rows, the most frequent words; 'all' for all rows",
        default=50_000,
    )

    mean_: FloatArray = array("<f4", "dim")
    source_space_: NDArray[np.uint8] = array("|u1", 1)
    directions_: AnyArray = array(lambda self: self._direction_dtype, "kept", "dim")
    scales_: FloatArray = array("<f4", "kept")
    weights_: FloatArray = array("<f4", "kept", encodes_only=True)
    ends_: NDArray[np.uint32] = array("<u4", "bands")
    centres_: NDArray[np.float16] = array("<f2", "bands", "kept")
    shares_: NDArray[np.uint8] = array("|u1", "bands", "kept")
    spreads_: NDArray[np.float16] = array("<f2", "bands", "kept")
    levels_: FloatArray = array("<f4", lambda self: 2 ** int(self.shares_.max(initial=0)) - 1)
    length_levels_: FloatArray = array("<f4", "length_levels")

    # Learning

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        ranks = self.sample_ranks(np.arange(len(rows), dtype=np.int64))
        return self._fit_sample(rows[ranks], ranks, len(rows), progress)

    @property
    def samples_rows(self) -> bool:
        """True."""
        return True

    def sample_ranks(self, ranks: RowIds) -> RowIds:
        """The head, and some of the others."""
        return grades.sample_ranks(ranks, self.fit_rows)

    def _fit_sample(self, rows: FloatArray, ranks: RowIds, n_rows: int, progress: Progress) -> Report:
        """Learn from the rows of :meth:`sample_ranks`, of ``n_rows``."""
        head = rows[: grades.head_length(ranks, self.fit_rows)]
        self.mean_ = mean_rows(head)
        around = principal.directions_of(head, self.mean_)
        values, directions = principal_directions(covariance(around, np.zeros_like(self.mean_)))
        del around
        self._keep(directions, values, 0)
        n_dominant = dominant_directions(values)
        order, ordered, exponent, n_length_bits = self._look(rows, ranks, n_rows, n_dominant)
        n_removed = 0 if self.faithful else n_dominant
        kept = np.arange(n_removed, len(values))
        while True:
            self._keep(directions[:, kept], values[kept], exponent)
            slope = self._learn_bands(rows, ranks, n_length_bits, progress)
            if self._used.all():
                break
            kept = kept[self._used]
        most_bits = int(self.shares_.max(initial=0))
        halves = [scalar.levels(n_bits)[2 ** (n_bits - 1) :] for n_bits in range(1, most_bits + 1)]
        self.levels_ = np.concatenate([np.zeros(0, dtype=np.float32), *halves])
        return {
            "fit_rows": len(rows),
            "removed": n_removed,
            "space": "source" if self.faithful else "isotropic",
            "whitened": exponent,
            "order": round(order, 4),
            "ordered": ordered,
            "grade": slope,
        }

    def _look(self, rows: FloatArray, ranks: RowIds, n_rows: int, n_dominant: int) -> tuple[float, bool, float, int]:
        """Find out whether rows are in order of frequency, and set where bands end; what is to be kept of lengths.

        Returns:
            The share of variance that follows the rank, whether rows are in order of frequency, the exponent of
            whitening, and the bits of a length.
        """
        units, long = self._units(rows)
        order, ordered = grades.order_share(units, principal.lengths_of(rows), ranks, n_rows)
        self.ends_ = np.array(grades.chosen_ends(n_rows, self.grade, ordered=ordered), dtype=np.uint32)
        mean_square = len(self.mean_) * lengths.mean_square(self.mean_.astype(np.float64))
        centred = mean_square < CENTRED * lengths.mean_square(long)
        fine = self._average >= FAITHFUL * len(self.mean_)
        faithful = fine or not (n_dominant or centred) if self.space == "auto" else self.space == "source"
        self.source_space_ = np.array([faithful], dtype=np.uint8)
        varied = lengths.vary(long, len(self.mean_))
        n_length_bits = self.lengths
        if isinstance(n_length_bits, str):
            coarse = min(lengths.CHOSEN_BITS, int(LENGTH_SHARE * self._average)) if faithful else 0
            coarse = max(coarse, lengths.CHOSEN_BITS * varied)
            n_length_bits = FAITHFUL_LENGTH_BITS if faithful and fine else coarse
        exponent = self.whiten
        if isinstance(exponent, str):
            exponent = WHITENING if varied and centred and not faithful else 0.0
        return order, ordered, exponent, n_length_bits

    def _learn_bands(self, rows: FloatArray, ranks: RowIds, n_length_bits: int, progress: Progress) -> float:
        """Learn all that depends on the band, along the directions kept; return the slope."""
        units, long = self._units(rows)
        ends = self.ends_.tolist()
        self.length_levels_ = lengths.length_levels(long, n_length_bits)
        bands = grades.band_statistics(units, ranks, ends)
        average = max(0.0, self._average - n_length_bits)
        slope = grades.chosen_slope(bands, average, self.grade)
        widths = grades.widths(ends, average, slope)
        self.centres_ = np.array([band.mean for band in bands]).astype(np.float16)
        band_of_row = np.searchsorted(ends, ranks, side="right")
        for centre, own in zip(self.centres_, grades.slices_of_bands(ranks, ends), strict=True):
            units[own] -= centre.astype(np.float32)
        rest, left = self._fit_books(units, band_of_row, widths, progress)
        self.shares_ = np.empty(self.centres_.shape, dtype=np.uint8)
        self.spreads_ = np.empty(self.centres_.shape, dtype=np.float16)
        for band, n_bits in enumerate(left):
            _, variance = principal.moments(rest[band_of_row == band])
            self.spreads_[band] = np.sqrt(variance)
            self.shares_[band] = np.where(self.spreads_[band] > 0, scalar.allot(variance, n_bits), 0)
        return slope

    def _fit_books(
        self, rest: FloatArray, band_of_row: RowIds, widths: list[int], progress: Progress
    ) -> tuple[FloatArray, list[int]]:
        """Learn what codes rows before scalars do; return what is left of the rows, and of each band's bits.

        ``rest``, all rows less the centre of their band, may be changed.
        """
        return rest, widths

    @property
    def _used(self) -> NDArray[np.bool_]:
        """Which of the kept directions any code needs, at least the first."""
        used: NDArray[np.bool_] = self.shares_.max(axis=0) > 0
        used[:1] = True
        return used

    def _keep(self, directions: DoubleArray, values: DoubleArray, exponent: float) -> None:
        """Take directions, as columns, in the fewest bytes that lose nothing, and their singular values."""
        self.directions_, self.scales_ = principal.stored_directions(directions.T, self._direction_dtype)
        self.weights_ = principal.whitening(values, exponent)

    def _units(self, vectors: FloatArray) -> tuple[FloatArray, DoubleArray]:
        return principal.unit_rows(vectors, self.mean_, self.directions_, self.scales_, self.weights_)

    # Options

    @property
    def _average(self) -> float:
        return float(len(self.mean_)) if isinstance(self.bits, str) else float(self.bits)

    @property
    def faithful(self) -> bool:
        """Whether vectors come back in the source's own space."""
        return bool(self.source_space_[0])

    @property
    def _direction_dtype(self) -> str:
        return "<i2" if self._average >= FINE * len(self.mean_) else "|i1"

    def _check_state(self) -> None:
        """Check that bands ascend, and that shares and lengths are numbers of bits."""
        starts, ends = np.append(0, self.ends_[:-1]), self.ends_.astype(np.int64)
        if not len(ends) or ((ends <= starts).any() and ends.tolist() != [0]):
            raise CorruptError(f"state 'ends' must ascend from above 0, got {ends[:10].tolist()}")
        if self.shares_.max(initial=0) > scalar.MOST_BITS:
            raise CorruptError(f"state 'shares' must be at most {scalar.MOST_BITS}, got {self.shares_.max()}")
        if self.source_space_ > 1:
            raise CorruptError(f"state 'source_space' must be 0 or 1, got {self.source_space_[0]}")
        n_levels = len(self.length_levels_)
        if n_levels not in [2**n_bits for n_bits in range(lengths.MOST_BITS + 1)]:
            raise CorruptError(f"state 'length_levels' must have 1, 2, 4, … {2**lengths.MOST_BITS}, got {n_levels}")

    def _state_of_bands(self, kept: list[int]) -> State:
        state = super()._state_of_bands(kept)
        return state | {"levels": state["levels"][: 2 ** int(state["shares"].max(initial=0)) - 1]}

    # Codes

    @property
    def _working_width(self) -> int:
        return self.extents["kept"]

    @property
    def layout(self) -> CodeLayout:
        """That of the widest band."""
        return max(self.layouts, key=lambda layout: layout.row_bits)

    @cached_property
    def layouts(self) -> tuple[CodeLayout, ...]:
        """What a row of code is, by band."""
        self._require_fitted()
        widths = [sum(m * n_bits for m, n_bits in self._fields(band)) for band in range(len(self.ends_))]
        length_bits = self._n_length_bits
        return tuple(CodeLayout("fields", width - length_bits, 1, length_bits) for width in widths)

    @property
    def grade_ends(self) -> tuple[int, ...]:
        """The rank after the last of each band but the last one."""
        self._require_fitted()
        return tuple(self.ends_[:-1].tolist())

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        return self._encode_grade(vectors, 0)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        return self.decode(codes, row_ids)

    def _encode_grade(self, vectors: FloatArray, grade: int) -> BytesArray:
        units, long = self._units(vectors)
        rest, fields = self._encode_books(units - self.centres_[grade].astype(np.float32), grade)
        for n_bits, columns in self._groups[grade]:
            scaled = rest[:, columns] / self.spreads_[grade, columns].astype(np.float32)
            fields.append((scalar.nearest_levels(scaled, n_bits), n_bits))
        if self._n_length_bits:
            fields.append((lengths.nearest_lengths(long, self.length_levels_)[:, None], self._n_length_bits))
        return bits.pack_fields(fields, len(vectors))

    def _encode_books(
        self, rest: FloatArray, band: int
    ) -> tuple[FloatArray, list[tuple[NDArray[np.unsignedinteger[Any]], int]]]:
        """Return what scalars are to code, and the fields before them."""
        return rest, []

    def _codebooks(self, band: int) -> FloatArray:
        """Return the codebooks whose words the symbols before the scalars stand for, float32, (books, 2^b, kept)."""
        return np.empty((0, 1, len(self.directions_)), dtype=np.float32)

    @cached_property
    def stream_decoders(self) -> Sequence[StreamDecoder]:
        """What the symbols of each band stand for, along the kept directions."""
        found, spreads = [], self.spreads_.astype(np.float32)
        start = self.mean_ if self.faithful else np.zeros_like(self.mean_)
        for band, centre in enumerate(self.centres_.astype(np.float32)):
            groups = [
                (columns, self._levels_of(n_bits) * spreads[band, columns, None])
                for n_bits, columns in self._groups[band]
            ]
            groups.append((np.array([len(centre)]), self.length_levels_[None, :]))
            found.append(TurnedSums(Sums.of(groups, self._codebooks(band), centre), self._back, start))
        return found

    def _book_fields(self, band: int) -> Fields:
        return []

    def _fields(self, band: int) -> Fields:
        scalars = [(len(columns), n_bits) for n_bits, columns in self._groups[band]]
        length = [(1, self._n_length_bits)] if self._n_length_bits else []
        return self._book_fields(band) + scalars + length

    @property
    def _n_length_bits(self) -> int:
        return len(self.length_levels_).bit_length() - 1

    @cached_property
    def _groups(self) -> list[list[tuple[int, NDArray[np.intp]]]]:
        """For each band the coordinates of each number of bits, most bits first."""
        return [
            [(n_bits, np.flatnonzero(shares == n_bits)) for n_bits in np.unique(shares)[::-1].tolist() if n_bits]
            for shares in self.shares_
        ]

    def _levels_of(self, n_bits: int) -> FloatArray:
        upper = self.levels_[2 ** (n_bits - 1) - 1 : 2**n_bits - 1]
        return np.concatenate([-upper[::-1], upper])

    @cached_property
    def _back(self) -> FloatArray:
        """The kept directions, float32, shape (kept, dim)."""
        return self.directions_.astype(np.float32) * self.scales_[:, None]

    @property
    def lookups(self) -> tuple[Lookup | None, ...]:
        """Codewords, and levels along the kept directions, beside the centre of the band."""
        back = self._back.astype(np.float64)
        found, words = [], dict[int, Words]()  # bands of as many codebooks share what these stand for
        for band, centre in enumerate(self.centres_.astype(np.float64)):
            scaled = self.spreads_[band].astype(np.float64)[:, None] * back
            books = self._codebooks(band)
            if len(books) and len(books) not in words:
                words[len(books)] = Words((books @ back).astype(np.float32))
            parts: list[Levels | Words] = [words[len(books)]] if len(books) else []
            parts += [Levels(self._levels_of(n_bits), scaled[columns]) for n_bits, columns in self._groups[band]]
            found.append(Lookup(centre @ back, tuple(parts), self.mean_ if self.faithful else None))
        return tuple(found)

    @property
    def offset(self) -> FloatArray | None:
        """The mean, where vectors come back without it."""
        self._require_fitted()
        return None if self.faithful else self.mean_

    def align(self, vectors: FloatArray) -> FloatArray:
        """Take out the mean and the directions that are not kept, where vectors come back without them."""
        self._require_dim(vectors)
        if self.faithful:
            return vectors
        along = (vectors - self.mean_) @ self._back.T * self.weights_
        return (along @ self._back).astype(np.float32, copy=False)
