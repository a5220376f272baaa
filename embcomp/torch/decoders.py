"""Vectors from codes by operations on tensors: a decoder for each kind of method.

A decoder takes packed codes and rows, int64, shape (n,), and returns what the compressor's ``decode`` does, shape
(n, dim). Its numbers are buffers, or parameters if they are to be trained: codes stay as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from embcomp.arrays import AnyArray, FloatArray
from embcomp.compressors.alone import AloneCompressor
from embcomp.compressors.base import Compressor
from embcomp.compressors.binary import SignCodes
from embcomp.compressors.graded import GradedCompressor
from embcomp.compressors.kd import KdCompressor
from embcomp.compressors.layered import LayeredCompressor, graded
from embcomp.compressors.nlb import NlbCompressor
from embcomp.compressors.prune import PruneCompressor
from embcomp.errors import ParameterError
from embcomp.torch.alone import combined, drawn_columns
from embcomp.torch.kd import lstm_outputs
from embcomp.torch.packed import PackedCodes

TABLE_SHARE = 0.27  # of the bytes of all codes that tables of patterns of signs may take
TABLE_BYTES = 2**18  # that they may take at least


def decoder_of(compressor: Compressor, codes_bytes: int, *, trainable: bool) -> nn.Module:
    """Return the decoder of a method; ``codes_bytes`` are those of all codes.

    Raises:
        ParameterError: there is none: the method is another package's.
    """
    if isinstance(compressor, PruneCompressor):
        return SparseDecoder(compressor, trainable)
    if isinstance(compressor, AloneCompressor):
        return NetworkDecoder(compressor, trainable)
    if isinstance(compressor, KdCompressor) and compressor.codewords is None:
        return LstmDecoder(compressor, trainable)
    decoder = Sums(trainable)
    if isinstance(compressor, GradedCompressor):
        decoder.set_graded(compressor)
    elif isinstance(compressor, LayeredCompressor) and graded(compressor):
        decoder.set_graded_signs(compressor)
    elif isinstance(compressor, SignCodes):
        decoder.set_signs(compressor, codes_bytes)
    elif compressor.codewords is not None:
        decoder.set_codewords(compressor.codewords, compressor.layout.symbol_bits)
    else:
        raise ParameterError(f"{compressor.name}: embcomp.torch has no decoder for this method")
    return decoder


class Decoder(nn.Module):
    """Base: arrays become buffers, or parameters."""

    def __init__(self, trainable: bool) -> None:
        super().__init__()
        self.trainable, self.adds_offset = trainable, False

    def keep(self, name: str, array: AnyArray | None, *, learned: bool = True) -> None:
        """Take an array, ``learned`` if it is trained when anything is; ``None`` if there is none."""
        tensor = None if array is None else torch.from_numpy(np.array(array))
        if tensor is not None and learned and self.trainable:
            setattr(self, name, nn.Parameter(tensor))
        else:
            self.register_buffer(name, tensor)


class Sums(Decoder):
    """v = a · (centre + Σ words + Σ numbers · directions): codewords, signs and scalars.

    A symbol stands for a codeword, or for a number along a direction. a is a level that is in the code, or it makes v
    as long as the level; see the compressors. All but ``places`` and ``sizes`` may be ``None``.

    Attributes:
        places, sizes: where symbols start in a row of each band, and their bits, int64, shape (bands, symbols); of
            signs in groups, those of the length only.
        words: codewords of all symbols that stand for some, one after the other; the last one is 0, for no symbol.
        word_starts: first codeword of each of these symbols, int64.
        levels: numbers by width of the symbol: those of b bits start at 2^b − 1.
        spreads: what numbers are multiplied with, shape (bands, numbers).
        centres: what is added to numbers and words, shape (bands, numbers).
        directions: shape (numbers, dim).
        groups: signs of each group, of whose patterns ``words`` are the sums: ``n_bytes`` bytes of code, then halves.
        low: what a bit of 0 stands for.
        signs: directions of signs, in place of ``words`` where they are trained.
        base: what is added then, shape (bands, dim).
        bound: tanh is taken of it, times this.
        length_levels: of a.
    """

    def __init__(self, trainable: bool) -> None:
        super().__init__(trainable)
        self.n_words = self.n_bytes = self.n_low = 0
        self.groups: list[int] = []
        self.low = -1.0
        self.scales_length = False
        for name in ("words", "word_starts", "levels", "spreads", "centres", "directions", "signs", "base", "bound"):
            self.register_buffer(name, None)
        self.register_buffer("length_levels", None)

    # What methods set

    def set_codewords(self, codewords: FloatArray, symbol_bits: int) -> None:
        """Take codebooks, shape (symbols, K, dim); symbols from K on stand for K − 1."""
        n_books, n_words, dim = codewords.shape
        padding = np.repeat(codewords[:, -1:], 2**symbol_bits - n_words, axis=1)
        self._set_words(np.concatenate([codewords, padding], axis=1).reshape(-1, dim))
        self._set_places([np.full(n_books, symbol_bits)])
        self._set_word_starts(self.sizes[0].numpy())

    def set_signs(self, compressor: SignCodes, codes_bytes: int) -> None:
        """Take directions of signs, in groups of 8 and 4 that have a table of the sums of all their patterns."""
        n_signs, directions = compressor.n_signs, compressor.bit_directions
        if isinstance(compressor, NlbCompressor):
            directions, self.low = compressor.weights_, 0.0
            self.keep("base", compressor.bias_[None])
            self.keep("bound", compressor.bound_)
        if directions is None:
            raise ParameterError(f"{compressor.name}: embcomp.torch has no decoder for this method")
        wide = np.diag(directions) if directions.ndim == 1 else directions
        padding = np.zeros((-n_signs % 8, wide.shape[1]), np.float32)
        padded = np.concatenate([wide, padding]).astype(np.float32)
        self.n_bytes = 0 if self.trainable else _n_byte_groups(n_signs, wide.shape[1], codes_bytes)
        n_left = n_signs - 8 * self.n_bytes
        self.n_low = (n_left + 3) // 8
        self.groups = [8] * self.n_bytes + [4] * ((n_left + 7) // 8 + self.n_low)
        self._set_places([[compressor.layout.length_bits]], np.array([[n_signs]]))
        self._set_word_starts(np.array(self.groups), np.int32)
        self.n_words = 0  # no symbols: all signs of a group are looked up at once
        self._set_lengths(compressor.length_levels_, scaled=True)
        if self.trainable:
            self.keep("signs", padded)
            return
        words = self._sums_of_patterns(torch.from_numpy(padded)).numpy()
        if compressor.offset is not None and self.length_levels is None:
            words[: 2 ** self.groups[0]] += compressor.offset  # of the first group each row has one sum
            self.adds_offset = True
        self.keep("words", words)

    def set_graded_signs(self, compressor: LayeredCompressor) -> None:
        """Take signs of which codes have the first so many."""
        lookup = compressor.lookups[0]
        widths = compressor.widths_.astype(np.int64)
        length_bits = compressor.layout.length_bits
        sizes = (np.arange(widths[0]) < widths[:, None]).astype(np.int64)
        self._set_places(np.concatenate([sizes, np.full((len(widths), 1), length_bits)], axis=1))
        self.keep("levels", np.array([0, -1, 1], dtype=np.float32), learned=False)
        factor = np.float32(1) if length_bits else compressor.length_levels_[0]
        for part in () if lookup is None else lookup.parts:
            self.keep("directions", np.asarray(part.directions * factor, dtype=np.float32))  # type: ignore[union-attr]
        self.keep("base", compressor.centres_.astype(np.float32) * factor)
        if length_bits:
            self._set_lengths(compressor.length_levels_, scaled=True)

    def set_graded(self, compressor: GradedCompressor) -> None:
        """Take codewords, scalars along directions, and lengths."""
        shares = compressor.shares_.astype(np.int64)
        bands = range(len(shares))
        books = max((compressor._codebooks(band) for band in bands), key=len)
        depths = [len(compressor._codebooks(band)) for band in bands]
        order = np.argsort(-shares, axis=1, kind="stable")  # symbols of more bits come first
        length_bits = compressor.layout.length_bits
        word_sizes = np.where(np.arange(len(books)) < np.array(depths)[:, None], 8, 0)
        in_code = np.concatenate([word_sizes, np.take_along_axis(shares, order, 1)], axis=1)
        places = np.cumsum(in_code, axis=1) - in_code
        scalar_places = np.empty_like(shares)
        np.put_along_axis(scalar_places, order, places[:, len(books) :], 1)
        ends = in_code.sum(axis=1, keepdims=True)
        sizes = np.concatenate([word_sizes, shares, np.full((len(shares), 1), length_bits)], axis=1)
        self._set_places(sizes, np.concatenate([places[:, : len(books)], scalar_places, ends], axis=1))
        if len(books):
            self._set_words(books.reshape(-1, books.shape[2]))
            self._set_word_starts(np.full(len(books), 8))
        self.keep("levels", _all_levels(compressor.levels_), learned=False)
        self.keep("spreads", compressor.spreads_.astype(np.float32), learned=False)
        self.keep("centres", compressor.centres_.astype(np.float32))
        self.keep("directions", compressor.directions_.astype(np.float32) * compressor.scales_[:, None])
        self._set_lengths(compressor.length_levels_, scaled=False)
        if compressor.faithful:
            self.keep("base", np.tile(compressor.mean_, (len(shares), 1)))

    # Vectors

    def forward(self, codes: PackedCodes, rows: Tensor) -> Tensor:
        """Return the vectors of rows."""
        bands, lengths = codes.bands(rows), None
        total: Any = None
        if not self.groups or self.length_levels is not None:
            total, lengths = self._sum(codes, rows, bands)
        if self.groups:
            tables = self.words if self.signs is None else self._sums_of_patterns(self.signs)
            total = functional.embedding_bag(self._patterns(codes.loose(rows)), tables, mode="sum")
        if lengths is not None and not self.scales_length:
            total = total * lengths
        total = total if self.directions is None else total @ self.directions
        total = total if self.base is None else total + self._of_bands(self.base, bands)
        total = total if self.bound is None else torch.tanh(total) * self.bound
        if lengths is not None and self.scales_length:
            norms = total.norm(dim=1, keepdim=True)
            total = total * torch.where(norms > 0, lengths / norms, 0)
        return total

    def _patterns(self, loose: Tensor) -> Tensor:
        """Return where the sum of each group is in the tables, int32, shape (n, groups), from loose rows."""
        wide = loose.int()
        halves = wide[:, self.n_bytes : len(self.groups) - self.n_low]
        parts = [wide[:, : self.n_bytes], halves >> 4, halves[:, : self.n_low] & 15]
        return torch.cat(parts, dim=1) + self.word_starts

    def _sum(self, codes: PackedCodes, rows: Tensor, bands: Tensor) -> tuple[Any, Tensor | None]:
        """Return centre, words and numbers, added; and lengths."""
        places, sizes = (self._of_bands(each, bands) for each in (self.places, self.sizes))
        symbols = codes.symbols(rows, bands, places, sizes)
        total: Any = 0 if self.centres is None else self._of_bands(self.centres, bands)
        if self.n_words:
            chosen = torch.where(sizes[:, : self.n_words] > 0, symbols[:, : self.n_words] + self.word_starts, -1)
            total = total + functional.embedding_bag(chosen % len(self.words), self.words, mode="sum")
        if self.levels is not None:
            some = slice(self.n_words, symbols.shape[1] - 1)
            numbers = self.levels[symbols[:, some] + (1 << sizes[:, some]) - 1]
            total = total + (numbers if self.spreads is None else numbers * self._of_bands(self.spreads, bands))
        return total, None if self.length_levels is None else self.length_levels[symbols[:, -1:]]

    def _of_bands(self, table: Tensor, bands: Tensor) -> Tensor:
        return table if len(table) == 1 else functional.embedding(bands, table)

    def _sums_of_patterns(self, directions: Tensor) -> Tensor:
        """Return the sums of signed directions for all patterns of each group, one after the other.

        After whole bytes there are the high halves of the others, then the low halves.
        """
        halves = directions[8 * self.n_bytes :].unflatten(0, (-1, 2, 4))
        whole = directions[: 8 * self.n_bytes].unflatten(0, (-1, 8))
        parts = [whole, halves[:, 0], halves[: self.n_low, 1]]
        return torch.cat([(self._patterns_of(part.shape[1]).to(part) @ part).flatten(0, 1) for part in parts])

    def _patterns_of(self, size: int) -> Tensor:
        """Return all patterns of so many signs, shape (2^size, size)."""
        shifts = torch.arange(size - 1, -1, -1)
        return ((torch.arange(2**size)[:, None] >> shifts) & 1) * (1 - self.low) + self.low

    # Setting

    def _set_places(self, sizes: Any, places: Any = None) -> None:
        sizes = np.array(sizes, dtype=np.int64)
        self.keep("sizes", sizes, learned=False)
        self.keep("places", np.cumsum(sizes, axis=1) - sizes if places is None else places, learned=False)

    def _set_words(self, words: FloatArray) -> None:
        self.keep("words", np.concatenate([words, np.zeros_like(words[:1])]).astype(np.float32))

    def _set_word_starts(self, sizes: AnyArray, dtype: Any = np.int64) -> None:
        n_words = 2**sizes
        self.n_words = len(sizes)
        self.keep("word_starts", (np.cumsum(n_words) - n_words).astype(dtype), learned=False)

    def _set_lengths(self, levels: FloatArray, *, scaled: bool) -> None:
        self.scales_length = scaled
        if len(levels):
            self.keep("length_levels", levels, learned=False)


class LstmDecoder(Decoder):
    """KD codes composed by an LSTM."""

    def __init__(self, compressor: KdCompressor, trainable: bool) -> None:
        super().__init__(trainable)
        self.keep("codebooks", compressor.codebooks_ * compressor.codebook_scales_[:, None, None])
        for name in ("recurrent", "bias", "transform"):
            self.keep(name, getattr(compressor, f"{name}_"))
        self.width, self.n_symbols = compressor.layout.symbol_bits, compressor.layout.symbols

    def forward(self, codes: PackedCodes, rows: Tensor) -> Tensor:
        """Return the vectors of rows."""
        symbols = _uniform_symbols(codes, rows, self.n_symbols, self.width)
        books = torch.arange(self.n_symbols, device=rows.device)[:, None]
        embedded = self.codebooks[books, symbols.T.clamp(max=self.codebooks.shape[1] - 1)]
        return lstm_outputs(embedded, self.recurrent, self.bias) @ self.transform


class NetworkDecoder(Decoder):
    """ALONE: filters are drawn again for the rows that are asked for."""

    def __init__(self, compressor: AloneCompressor, trainable: bool) -> None:
        super().__init__(trainable)
        network = compressor.network_
        for name in ("base", "inner", "outer"):
            self.keep(name, getattr(network, name))
        self.keep("mean", compressor.mean_)
        for name in ("scale_", "_sources", "redrawn_rows_", "redrawn_attempts_"):
            self.keep(name.strip("_"), getattr(compressor, name), learned=False)
        self.seed, self.stored = compressor.random_state, compressor.store_filters
        self.width = compressor.layout.symbol_bits

    def forward(self, codes: PackedCodes, rows: Tensor) -> Tensor:
        """Return the vectors of rows."""
        n_matrices, n_columns, _ = self.sources.shape
        if self.stored:
            columns = _uniform_symbols(codes, rows, n_matrices, self.width)
        else:
            attempts = torch.zeros_like(rows)
            if len(self.redrawn_rows):
                place = torch.searchsorted(self.redrawn_rows, rows).clamp(max=len(self.redrawn_rows) - 1)
                attempts = torch.where(self.redrawn_rows[place] == rows, self.redrawn_attempts[place], 0)
            columns = drawn_columns(self.seed, rows, attempts, n_matrices, n_columns)
        hidden = functional.relu(functional.linear(combined(self.sources, columns) * self.base, self.inner))
        return hidden @ self.outer * self.scale + self.mean


class SparseDecoder(Decoder):
    """Pruned rows: values and columns of those that are asked for, as many as the longest row has."""

    def __init__(self, compressor: PruneCompressor, trainable: bool) -> None:
        super().__init__(trainable)
        self.dim = compressor.dim
        self.keep("values", np.append(compressor.values_, np.float32(0)))
        columns = np.append(compressor.columns_, 0)
        self.keep("columns", columns.astype(np.uint8 if self.dim <= 256 else np.int32), learned=False)
        ends = np.concatenate([[0], compressor.ends_]).astype(np.int64)
        self.keep("ends", ends.astype(np.int32) if ends[-1] < 2**31 else ends, learned=False)
        self.longest = int(np.diff(ends).max(initial=0))

    def forward(self, codes: PackedCodes, rows: Tensor) -> Tensor:
        """Return the vectors of rows."""
        starts, ends = (self.ends[rows + number].long()[:, None] for number in (0, 1))
        places = starts + torch.arange(self.longest, device=rows.device)
        places = torch.where(places < ends, places, len(self.values) - 1)
        out = torch.zeros(len(rows), self.dim, dtype=self.values.dtype, device=rows.device)
        return out.scatter_add(1, self.columns[places].long(), self.values[places])


def _uniform_symbols(codes: PackedCodes, rows: Tensor, n_symbols: int, width: int) -> Tensor:
    """Return symbols of one width from codes of one band, int64, shape (n, n_symbols)."""
    places = torch.arange(n_symbols, device=rows.device)[None] * width
    return codes.symbols(rows, torch.zeros_like(rows), places, torch.full_like(places, width))


def _n_byte_groups(n_signs: int, dim: int, codes_bytes: int) -> int:
    """Return how many bytes of signs have a table of all patterns: as many as leave the tables small enough."""
    allowed = max(TABLE_BYTES, TABLE_SHARE * codes_bytes)
    n_bytes = [k for k in range(n_signs // 8 + 1) if (256 * k + 4 * (n_signs - 8 * k)) * dim * 4 <= allowed]
    return max(n_bytes, default=0)


def _all_levels(upper: FloatArray) -> FloatArray:
    """Return the levels for 0, 1, 2, … bits, one after the other, from the upper halves of those for 1, 2, …"""
    n_bits = (len(upper) + 1).bit_length() - 1
    halves = [upper[2 ** (each - 1) - 1 : 2**each - 1] for each in range(1, n_bits + 1)]
    return np.concatenate([np.zeros(1, np.float32), *(np.concatenate([-half[::-1], half]) for half in halves)])
