"""Tables of signs that were learned in a model [Liu 2018]: decoded and searched here, learned by embcomp.torch."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embcomp import bits as packing
from embcomp.arrays import FloatArray
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, option
from embcomp.compressors.base import Report
from embcomp.compressors.binary import SignCodes, plus_minus
from embcomp.compressors.layered import times_directions
from embcomp.compressors.state import array
from embcomp.errors import ParameterError
from embcomp.progress import Progress


class LearnedCompressor(SignCodes):
    """e = W_T (±scale) + b_T [Liu 2018, eq. 9], where the signs and all numbers come from a model.

    W_T is of numbers, or of signs too, exp(γ) · (±weight_scale) [Liu 2018, Algorithm 1], or the identity. Vectors
    decode without b_T, which is their ``offset``. A code belongs to its row: vectors cannot be encoded.

    Attributes:
        scale_: √(1/bits) as the model has it.
        bias_: b_T; zeros if there is none.
        weights_: W_Tᵀ.
        weight_signs_: those of W_T, loose rows.
        weight_scale_: what they stand for.
        gain_: γ.
    """

    name = "binary"
    summary = "signs learned in a model by embcomp.torch (Liu et al. 2018)"
    encodes_vectors = False

    bits: int | str = option(Either(Integer(1, 65536), OneOf("dim")), "signs per word", default="dim")
    linear: str = option(
        OneOf("float", "binary", "none"), "the layer behind the signs: of numbers, of signs, or none", default="float"
    )

    scale_: FloatArray = array("<f4", 1)
    bias_: FloatArray = array("<f4", "dim", offset=True)
    weights_: FloatArray = array("<f4", "bits", "dim", when=lambda table: table.linear == "float")
    weight_signs_: NDArray[np.uint8] = array(
        "|u1", "dim", lambda table: packing.row_bytes(table.n_signs), when=lambda table: table.linear == "binary"
    )
    weight_scale_: FloatArray = array("<f4", 1, when=lambda table: table.linear == "binary")
    gain_: FloatArray = array("<f4", "dim", when=lambda table: table.linear == "binary")

    def check_config(self) -> None:
        """Check the options: without a layer there is a sign for each dimension."""
        super().check_config()
        if self.linear == "none" and self.bits != "dim":
            raise ParameterError(f"{self.name}: `bits` must be 'dim' with `linear` 'none', got {self.bits!r}")

    @property
    def n_signs(self) -> int:
        """``bits``."""
        return self.extents.get("bits", self.dim) if isinstance(self.bits, str) else self.bits

    @property
    def bit_directions(self) -> FloatArray:
        """The rows of scale · W_Tᵀ, or the scale in each dimension."""
        self._require_fitted()
        return np.full(self.dim, self.scale_[0], dtype=np.float32) if self.linear == "none" else self._back

    def _before_decoding(self) -> None:
        _ = self.bit_directions

    def _of_signs(self, codes: BytesArray) -> FloatArray:
        if self.linear == "none":
            return plus_minus(codes, self.dim, self.scale_[0])
        return times_directions(plus_minus(codes, self.n_signs), self._back)

    @cached_property
    def _back(self) -> FloatArray:
        scaled: FloatArray = (self.weights_ if self.linear == "float" else self._signed_weights()) * self.scale_[0]
        return scaled

    def _signed_weights(self) -> FloatArray:
        """W_Tᵀ of signs."""
        signs = plus_minus(self.weight_signs_, self.n_signs, self.weight_scale_[0])
        return np.ascontiguousarray((signs * np.exp(self.gain_)[:, None]).T)

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        raise ParameterError(f"{self.name}: its tables are learned in a model by embcomp.torch, not from vectors")

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        raise ParameterError(f"{self.name}: vectors cannot be encoded, because their codes are learned in a model")
