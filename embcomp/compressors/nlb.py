"""NLB, near-lossless binarization by an autoencoder [Tissier 2019]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp import bits as packing
from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Real, option
from embcomp.compressors.base import Report
from embcomp.compressors.binary import BinaryCompressor
from embcomp.compressors.options import BITS, LENGTHS, RANDOM_STATE
from embcomp.compressors.state import array
from embcomp.errors import ParameterError
from embcomp.exact import whole_rows
from embcomp.kernels.turned import turned
from embcomp.linear import random_orthogonal
from embcomp.progress import Progress
from embcomp.threads import single_threaded_blas


class NlbCompressor(BinaryCompressor):
    """An autoencoder whose middle layer is the code: b = H(W x), x̂ = tanh(Wᵀ b + c).

    H is the Heaviside step, b in {0, 1}, H(0) = 0. Minimized by SGD in minibatches:

        ‖x − x̂‖² + λ · ½ ‖WᵀW − I‖²

    The step has no useful derivative, so W is moved by the decoder's gradient, b · (∂ℓ/∂(Wᵀb + c))ᵀ, and the
    regularizer's, 2 λ W (WᵀW − I), which keeps W's columns orthonormal, so that the codes of unlike words differ.

    tanh cannot give values beyond ±1: inputs are clipped to [−1, 1] (``bounds="clip"``, as published), or divided by
    their largest magnitude (``"scale"``), which decoding undoes.

    Where we differ: W starts as a random matrix with orthonormal columns (or rows), as the regularizer requires;
    any number of bits is kept (the original program keeps multiples of 64); W and c are stored, so that codes decode
    and new words encode. Defaults of learning rate and λ are those of the lowest reconstruction loss on GloVe.
    """

    name = "nlb"
    summary = "autoencoder with a binary middle layer (Tissier et al. 2019)"

    bits: int | str = BITS
    lengths: int | str = LENGTHS
    epochs: int = option(Integer(0, 10**6), "passes over the training rows", default=5)
    batch_size: int = option(Integer(1), "rows per step", default=75)
    learning_rate: float = option(Real(0, open_ends=True), "step size of SGD", default=0.01)
    orthogonality: float = option(Real(0), "weight λ of ½‖WᵀW − I‖² in the loss", default=1.0)
    bounds: str = option(OneOf("clip", "scale"), "clip inputs to [−1, 1], or scale them into it", default="clip")
    fit_rows: int | str = option(
        Either(Integer(1), OneOf("all")), "train on the first N rows, or 'all'", default="all", role="head"
    )
    random_state: int = RANDOM_STATE

    weights_: FloatArray = array("<f4", "bits", "dim")
    bias_: FloatArray = array("<f4", "dim")
    bound_: FloatArray = array("<f4", 1)

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        """Train W and c; report ‖x − x̂‖² over ‖x‖² of each epoch, for the bounded rows."""
        dim = rows.shape[1]
        rng = np.random.default_rng(self.random_state)
        largest = float(np.abs(rows).max()) if self.bounds == "scale" and rows.size else 0.0
        self.bound_ = np.array([largest or 1.0], dtype=np.float32)
        losses: list[float] = []
        with single_threaded_blas(), np.errstate(over="ignore", invalid="ignore"):
            n_bits = dim if isinstance(self.bits, str) else self.bits
            self.weights_ = random_orthogonal(n_bits, dim, rng).astype(np.float32)
            self.bias_ = np.zeros(dim, dtype=np.float32)
            for epoch in range(self.epochs):
                progress("epoch", epoch, self.epochs)
                losses.append(self._epoch(rows, rng.permutation(len(rows))))
                if not np.isfinite(losses[-1]):
                    raise ParameterError(
                        f"nlb: training diverged, epoch {epoch + 1}: lower `learning_rate` ({self.learning_rate:g}) "
                        f"or `orthogonality` ({self.orthogonality:g})"
                    )
        progress("epoch", self.epochs, self.epochs)
        return {"losses": [round(loss, 6) for loss in losses]} | self._learn_lengths(rows)

    def _epoch(self, rows: FloatArray, order: RowIds) -> float:
        """Take one step per minibatch; return Σ‖x − x̂‖² / Σ‖x‖² as seen on the way."""
        weights, bias, rate = self.weights_, self.bias_, np.float32(self.learning_rate)
        identity = np.eye(weights.shape[1], dtype=np.float32)
        pull = np.float32(2 * self.learning_rate * self.orthogonality)
        error = energy = 0.0
        for start in range(0, len(order), self.batch_size):
            x = self._bounded(rows[order[start : start + self.batch_size]])
            code = (x @ weights.T > 0).astype(np.float32)
            decoded = np.tanh(code @ weights + bias)
            residual = decoded - x
            error += float(np.vdot(residual, residual))
            energy += float(np.vdot(x, x))
            residual *= 1 - decoded * decoded
            residual *= 2 * rate / np.float32(len(x))
            step = code.T @ residual
            step += pull * (weights @ (weights.T @ weights - identity))
            weights -= step
            bias -= residual.sum(axis=0)
        return error / energy if energy else 0.0

    def _bounded(self, vectors: FloatArray) -> FloatArray:
        bounded: FloatArray = np.clip(vectors / self.bound_[0], np.float32(-1), np.float32(1))
        return bounded

    def _signs(self, vectors: FloatArray) -> NDArray[np.bool_]:
        above: NDArray[np.bool_] = self._bounded(vectors) @ self.weights_.T > 0
        return above

    def _of_signs(self, codes: BytesArray) -> FloatArray:
        out = np.empty((len(codes), self.dim), dtype=np.float32)
        turned(packing.unpack(codes, len(self.weights_)).astype(np.float32), self.weights_, self.bias_, out)
        np.tanh(out, out=out)
        out *= self.bound_[0]
        return out

    def _centred(self, vectors: FloatArray) -> tuple[DoubleArray, DoubleArray]:
        """The rows as they are."""
        return whole_rows(vectors)

    @property
    def n_signs(self) -> int:
        """One per row of W."""
        return self.extents["bits"]
