"""Codes of signs, more of them for frequent words.

Without a grade all rows have the code that the method publishes. With one, words lie in bands of frequency rank
(:mod:`embcomp.compressors.grades`), and the code of a band has the first so many signs of a sequence. The sequence is
made of *layers*: the first layer is the code of the band that has the fewest signs, each further one codes what the
layers before leave of a row, and is learned from the bands that have it. A vector is the sum of the directions of
its signs [Chen 2010: residual quantization]; a code cut anywhere between two layers is a code.

Rows, directions and steps are whole numbers or multiples of a power of two while signs are decided, so that codes are
the same on every processor (:mod:`embcomp.exact`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.compressors import grades, lengths
from embcomp.compressors.base import CodeLayout, Report
from embcomp.compressors.binary import BinaryCompressor, plus_minus
from embcomp.compressors.lookup import Levels, Lookup
from embcomp.compressors.principal import lengths_of
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.errors import CorruptError
from embcomp.exact import largest_magnitude, on_grid, unit_below, whole_rows
from embcomp.kernels.turned import turned
from embcomp.progress import Progress
from embcomp.threads import for_blocks, map_blocks

UNIT_LENGTH = 2.0**15  # of a row of whole numbers
STEP_BITS = 22  # of a step: with 8 of a direction and 2¹⁶ directions, sums stay below 2⁵³


def graded(compressor: LayeredCompressor) -> bool:
    """Tell whether codes may have several widths, from the options."""
    return compressor.grade != 0


def plain(compressor: LayeredCompressor) -> bool:
    """Tell whether all codes have the method's own form."""
    return not graded(compressor)


class LayeredCompressor(BinaryCompressor):
    """Base of binary methods whose codes may have several widths.

    A method writes, beside what :class:`BinaryCompressor` asks for: ``_fit_plain``, ``_learn_origin``,
    ``_learn_layer`` and ``_whole_directions``.

    Attributes:
        ends_: rank after the last of each band.
        widths_: signs of a code in each band, falling.
        centres_: mean unit row of each band.
        layers_: how many signs there are up to the end of each layer.
        steps_: what the whole numbers of a sign's direction are multiplied with, in parts of a row of length 1.
    """

    grade: float | str
    bits: int | str
    fit_rows: int | str

    ends_: NDArray[np.uint32] = array("<u4", "bands", when=graded)
    widths_: NDArray[np.uint32] = array("<u4", "bands", when=graded)
    centres_: NDArray[np.float16] = array("<f2", "bands", "dim", when=graded)
    layers_: NDArray[np.uint32] = array("<u4", "layers", when=graded)
    steps_: FloatArray = array("<f4", "signs", when=graded)

    @abstractmethod
    def _fit_plain(self, rows: FloatArray, progress: Progress) -> Report:
        """Learn the code that all rows have without a grade."""

    @abstractmethod
    def _learn_origin(self, head: FloatArray) -> tuple[Report, DoubleArray | None]:
        """Learn what ``_centred`` needs.

        Returns:
            Facts, and directions, as columns, along which numbers do not depend on each other; ``None`` for those of
            the source.
        """

    @abstractmethod
    def _no_directions(self, dim: int) -> None:
        """Start with no directions."""

    @abstractmethod
    def _learn_layer(self, rest: FloatArray, n_signs: int, progress: Progress) -> None:
        """Learn the next directions, as many, from rows of whole numbers; append them to those that there are."""

    @abstractmethod
    def _whole_directions(self, signs: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return directions as whole numbers, float64, shape (signs, dim), and the scales that make them unit."""

    # Learning

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        if plain(self):
            report = self._fit_plain(rows, progress)
            return report | self._learn_lengths(rows)
        ranks = grades.sample_ranks(np.arange(len(rows), dtype=np.int64), self.fit_rows)
        return self._fit_sample(rows[ranks], ranks, len(rows), progress)

    @property
    def samples_rows(self) -> bool:
        """With a grade."""
        return graded(self)

    def sample_ranks(self, ranks: RowIds) -> RowIds:
        """The head, and some of the others."""
        return grades.sample_ranks(ranks, self.fit_rows)

    @property
    def _most_rows(self) -> int | None:
        return super()._most_rows if plain(self) else None

    def _fit_sample(self, rows: FloatArray, ranks: RowIds, n_rows: int, progress: Progress) -> Report:
        """Learn from some of ``n_rows`` rows: those of ``ranks``, ascending."""
        head = rows[: grades.head_length(ranks, self.fit_rows)]
        report, basis = self._learn_origin(head)
        share, ordered = _order_share(rows, mean_rows(head), ranks, n_rows)
        report |= self._learn_lengths(rows)
        rest, long = self._whole_units(rows)
        if not len(self.length_levels_):
            self.length_levels_ = lengths.length_levels(long, 0)
        ends = grades.chosen_ends(n_rows, self.grade, ordered=ordered)
        average = float(rows.shape[1] if isinstance(self.bits, str) else self.bits)
        bands = grades.band_statistics(_along(rest, basis), ranks, ends)
        slope = grades.chosen_slope(bands, average, self.grade)
        widths = grades.widths(ends, average, slope)
        self.ends_, self.widths_ = np.array(ends, dtype=np.uint32), np.array(widths, dtype=np.uint32)
        self._learn_centres(rest, ranks)
        self._learn_layers(rest, ranks, progress)
        return report | {"fit_rows": len(rows), "order": round(share, 4), "ordered": ordered, "grade": slope}

    def _learn_centres(self, rest: FloatArray, ranks: RowIds) -> None:
        """Learn the mean of each band, and subtract it."""
        self.centres_ = np.zeros((len(self.ends_), rest.shape[1]), dtype=np.float16)
        for band, rows in enumerate(grades.slices_of_bands(ranks, self.ends_.tolist())):
            sums = rest[rows].sum(axis=0, dtype=np.float64)
            self.centres_[band] = sums / max(1, len(rest[rows])) / UNIT_LENGTH
            rest[rows] -= self._whole_centre(band)

    def _learn_layers(self, rest: FloatArray, ranks: RowIds, progress: Progress) -> None:
        """Learn the layers, the last of which frequent words only have; ``rest`` becomes what they leave."""
        self.layers_ = np.array(_layer_ends(self.widths_.tolist(), rest.shape[1]), dtype=np.uint32)
        self.steps_ = np.zeros(0, dtype=np.float32)
        self._no_directions(rest.shape[1])
        layers = self._layers(len(self.layers_))
        for number, signs in enumerate(layers):
            progress("layers", number, len(layers))
            last = self.ends_[np.flatnonzero(self.widths_ >= signs.stop)[-1]]
            users = rest[: int(np.searchsorted(ranks, last))]
            self._learn_layer(users, signs.stop - signs.start, progress)
            whole, scales = self._whole_directions(signs)
            steps = _mean_magnitudes(users, whole) * scales**2
            steps = on_grid(steps / UNIT_LENGTH, unit_below(largest_magnitude(steps / UNIT_LENGTH), STEP_BITS))
            self.steps_ = np.concatenate([self.steps_, steps.astype(np.float32)])

            def subtract(block: slice, users: FloatArray = users, signs: slice = signs) -> None:
                users[block] = self._layer(users[block].astype(np.float64), signs)[1]

            for_blocks(subtract, len(users))
        progress("layers", len(layers), len(layers))

    # Codes

    def _whole_units(self, vectors: FloatArray) -> tuple[FloatArray, DoubleArray]:
        """Return rows as whole numbers, scaled to length 2¹⁵, and their lengths."""
        return whole_units(lambda rows: self._centred(vectors[rows]), vectors.shape)

    def _whole_centre(self, band: int) -> DoubleArray:
        whole: DoubleArray = np.rint(self.centres_[band].astype(np.float64) * UNIT_LENGTH)
        return whole

    def _layer(self, rest: DoubleArray, signs: slice) -> tuple[NDArray[np.bool_], DoubleArray]:
        """Return the signs of a layer, and what it leaves of rows of whole numbers."""
        whole, _ = self._whole_directions(signs)
        above: NDArray[np.bool_] = rest @ whole.T > 0
        steps = self.steps_[signs] * UNIT_LENGTH
        left: DoubleArray = rest - np.rint(np.where(above, steps, -steps) @ whole)
        return above, left

    def _layers(self, n_layers: int) -> list[slice]:
        return [slice(start, stop) for start, stop in pairwise([0, *self.layers_[:n_layers].tolist()])]

    def _encode_grade(self, vectors: FloatArray, grade: int) -> BytesArray:
        if plain(self):
            return self._encode_block(vectors)
        whole, _ = self._whole_units(vectors)
        rest: DoubleArray = whole - self._whole_centre(grade)
        signs = np.empty((len(vectors), int(self.widths_[grade])), dtype=np.bool_)
        for layer in self._layers(int(np.searchsorted(self.layers_, self.widths_[grade], side="right"))):
            signs[:, layer], rest = self._layer(rest, layer)
        return self._with_lengths(signs, vectors)

    def _decode_grade(self, codes: BytesArray, row_ids: RowIds, grade: int) -> FloatArray:
        if plain(self):
            return self._decode_block(codes, row_ids)
        n_signs = int(self.widths_[grade])
        vectors = times_directions(plus_minus(codes, n_signs), self._sign_directions[:n_signs])
        vectors += self.centres_[grade].astype(np.float32)
        if self._length_bits:
            return self._lengthened(vectors, codes, n_signs)
        vectors *= self.length_levels_[0]
        return vectors

    @cached_property
    def _sign_directions(self) -> FloatArray:
        """What a sign of 1 adds to a unit row, float32, shape (signs, dim)."""
        whole, _ = self._whole_directions(slice(None))
        return (whole * self.steps_[:, None]).astype(np.float32)

    @property
    def _working_width(self) -> int:
        return len(self.steps_) if graded(self) else super()._working_width

    @property
    def lookups(self) -> tuple[Lookup | None, ...]:
        """Signs along their directions, beside the centre of the band."""
        if plain(self):
            return super().lookups
        directions, signs = self._sign_directions.astype(np.float64), np.array([-1, 1], dtype=np.float32)
        widths, centres = self.widths_.tolist(), self.centres_.astype(np.float64)
        parts = ((Levels(signs, directions[:width]),) for width in widths)
        return tuple(Lookup(centre, part) for centre, part in zip(centres, parts, strict=True))

    @property
    def layout(self) -> CodeLayout:
        """That of the widest code."""
        return self.layouts[0]

    @property
    def layouts(self) -> tuple[CodeLayout, ...]:
        """One bit for each sign of a band; those of the length."""
        if plain(self):
            return (super().layout,)
        self._require_fitted()
        return tuple(CodeLayout("fields", n_signs, 1, self._length_bits) for n_signs in self.widths_.tolist())

    @property
    def grade_ends(self) -> tuple[int, ...]:
        """The rank after the last of each band but the last one."""
        self._require_fitted()
        return () if plain(self) else tuple(self.ends_[:-1].tolist())

    def _check_state(self) -> None:
        """Check that bands and layers ascend, and that layers end where codes do."""
        super()._check_state()
        if plain(self):
            return
        ends, widths, layers = (each.astype(np.int64) for each in (self.ends_, self.widths_, self.layers_))
        if not len(ends) or (np.diff(ends) <= 0).any():
            raise CorruptError("state 'ends' must ascend and have at least one number")
        if (np.diff(layers, prepend=0) <= 0).any() or layers.max(initial=0) != len(self.steps_):
            raise CorruptError(f"state 'layers' must ascend to {len(self.steps_)}")
        if not np.isin(widths, [0, *layers]).all() or (np.diff(widths) > 0).any():
            raise CorruptError("state 'widths' must not ascend and be ends of layers")
        if not len(self.length_levels_):
            raise CorruptError("state 'length_levels' must have at least one number, got none")


def whole_units(
    whole_rows: Callable[[slice], tuple[DoubleArray, DoubleArray]], shape: tuple[int, ...]
) -> tuple[FloatArray, DoubleArray]:
    """Return rows scaled to length 2¹⁵ and rounded to whole numbers, zeros for rows of length 0, and their lengths.

    Args:
        whole_rows: as for :func:`~embcomp.compressors.binary.row_lengths`.
        shape: of the rows.

    Returns:
        Float32, of this shape; and float64, shape (n,).
    """
    units, long = np.empty(shape, dtype=np.float32), np.empty(shape[0])

    def of_block(rows: slice) -> None:
        whole, unit = whole_rows(rows)
        length = np.sqrt(np.einsum("nd,nd->n", whole, whole))
        whole *= np.divide(UNIT_LENGTH, length, out=np.zeros_like(length), where=length > 0)[:, None]
        units[rows], long[rows] = np.rint(whole, out=whole), length * unit

    for_blocks(of_block, shape[0])
    return units, long


def _order_share(rows: FloatArray, mean: FloatArray, ranks: RowIds, n_rows: int) -> tuple[float, bool]:
    """Tell whether rows are in order of frequency, from unit rows with all of their directions."""
    units, _ = whole_units(lambda block: whole_rows(rows[block] - mean), rows.shape)
    units /= np.float32(UNIT_LENGTH)
    return grades.order_share(units, lengths_of(rows), ranks, n_rows)


def times_directions(signs: FloatArray, directions: FloatArray) -> FloatArray:
    """Return the sums of signed directions."""
    out = np.empty((len(signs), directions.shape[1]), dtype=np.float32)
    turned(np.ascontiguousarray(signs), directions, np.zeros_like(directions, shape=out.shape[1]), out)
    return out


def _along(rest: FloatArray, basis: DoubleArray | None) -> FloatArray:
    """Return rows of whole numbers as unit rows, along the columns of a basis on the grid 2⁻²⁵."""
    along = np.empty(rest.shape, dtype=np.float32)

    def of_block(rows: slice) -> None:
        block = rest[rows].astype(np.float64)
        along[rows] = (block if basis is None else block @ basis) / UNIT_LENGTH

    for_blocks(of_block, len(rest))
    return along


def _mean_magnitudes(rest: FloatArray, whole: DoubleArray) -> DoubleArray:
    """Return the mean over rows of |row · direction|, for each direction: float64, shape (directions,)."""
    parts = map_blocks(lambda rows: np.abs(rest[rows].astype(np.float64) @ whole.T).sum(axis=0), len(rest))
    sums: DoubleArray = np.zeros(len(whole)) + sum(parts)
    return sums / max(1, len(rest))


def _layer_ends(widths: list[int], dim: int) -> list[int]:
    """Return where layers end: where the code of a band does, and so that no layer has more signs than dimensions."""
    ends = [0]
    for width in sorted(set(widths) - {0}):
        ends += [*range(ends[-1] + dim, width, dim), width]
    return ends[1:]
