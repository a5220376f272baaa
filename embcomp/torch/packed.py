"""Codes of a file in a buffer, bit for bit, and the symbols of rows read out of it by operations on tensors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from embcomp import bits
from embcomp.codes import Codes

READ_BYTES = 3  # that are read for a symbol: it has up to 16 bits and starts within the first byte


class PackedCodes(nn.Module):
    """The streams of all bands, one after the other.

    Attributes:
        stream: uint8; spare zeros follow.
        ends: rank after the last of each band but the last, int64.
        starts: the bit where row 0 would start if all rows were as wide as those of the band, int64, shape (bands,).
        widths: bits of a row, int64, shape (bands,).
        row_bits: of a row of the first band.
    """

    def __init__(self, codes: Codes) -> None:
        super().__init__()
        bounds = [0, *(band.end for band in codes.bands)]
        widths = np.array([band.layout.row_bits for band in codes.bands], dtype=np.int64)
        self.sizes = list(map(len, codes.streams))
        self.row_bits = int(widths[0])
        firsts = 8 * np.cumsum([0, *self.sizes[:-1]]) - np.array(bounds[:-1]) * widths
        padded = np.concatenate([*codes.streams, np.zeros(READ_BYTES, dtype=np.uint8)])
        self.register_buffer("stream", torch.from_numpy(padded))
        for name, values in (("ends", bounds[1:-1]), ("starts", firsts), ("widths", widths)):
            self.register_buffer(name, torch.from_numpy(np.array(values, dtype=np.int64)))

    def bands(self, rows: Tensor) -> Tensor:
        """Return the band of each row, int64."""
        return torch.bucketize(rows, self.ends, right=True)

    def symbols(self, rows: Tensor, bands: Tensor, places: Tensor, widths: Tensor) -> Tensor:
        """Return symbols of rows, int64, shape (n, symbols).

        Args:
            rows, bands: int64, shape (n,).
            places: bit of the row where each symbol starts, int64, shape (n, symbols) or (1, symbols).
            widths: bits of each, 0 to 16; those of 0 bits are 0.
        """
        starts = (self.starts[bands] + rows * self.widths[bands])[:, None] + places
        byte = starts >> 3
        window = sum(self._bytes(byte + number) << (8 * (READ_BYTES - 1 - number)) for number in range(READ_BYTES))
        return (window >> (8 * READ_BYTES - (starts & 7) - widths)) & ((1 << widths) - 1)

    def loose(self, rows: Tensor) -> Tensor:
        """Return the codes of rows of one band as loose rows (:mod:`embcomp.bits`), uint8."""
        if on_processor(rows):
            return torch.from_numpy(bits.take(self.stream.numpy()[: self.sizes[0]], self.row_bits, rows.numpy()))
        starts = rows * self.row_bits
        places = (starts >> 3)[:, None] + torch.arange(bits.row_bytes(self.row_bits) + 1, device=rows.device)
        window, shift = self._bytes(places), (starts & 7)[:, None]
        return ((window[:, :-1] << shift) | (window[:, 1:] >> (8 - shift))).to(torch.uint8)

    def streams(self) -> list[np.ndarray[tuple[int], np.dtype[np.uint8]]]:
        """Return the stream of each band, as files have it."""
        ends = np.cumsum([0, *self.sizes])
        whole = self.stream.cpu().numpy()
        return [whole[start:stop] for start, stop in pairwise(ends.tolist())]

    def _bytes(self, places: Tensor) -> Tensor:
        taken = self.stream.index_select(0, places.flatten().clamp_(max=len(self.stream) - 1))
        return taken.view_as(places).to(torch.int32)


def on_processor(rows: Tensor) -> bool:
    """Whether rows can be given to the library's own kernels."""
    return rows.device.type == "cpu" and type(rows) is Tensor and not torch.compiler.is_compiling()
