"""NLB, near-lossless binarization by an autoencoder [Tissier, Gravier, Habrard 2019, AAAI]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Option, Real
from embcomp.compressors.base import CodeLayout, Compressor, State, state_array
from embcomp.compressors.binary import head
from embcomp.compressors.itq import RANDOM_STATE
from embcomp.embedding import FloatMatrix
from embcomp.errors import ParameterError
from embcomp.linear import random_orthogonal
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, single_threaded_blas


class NlbCompressor(Compressor):
    """An autoencoder whose middle is the code: b = H(W x), x̂ = tanh(Wᵀ b + c).

    H is the Heaviside step, b in {0, 1}, H(0) = 0. Minimised by SGD in minibatches:

        ‖x − x̂‖² + λ · ½ ‖WᵀW − I‖²

    The step has no useful derivative, so W is moved by the decoder's gradient, b · (∂ℓ/∂(Wᵀb + c))ᵀ, and the
    regulariser's, 2 λ W (WᵀW − I), which keeps W's columns orthonormal, so that the codes of unlike words differ.

    tanh cannot give values beyond ±1: inputs are clipped to [−1, 1] (``bounds="clip"``, as published), or divided by
    their largest magnitude (``"scale"``), which decoding undoes.

    Where we differ: W starts as a random matrix with orthonormal columns (or rows), where the regulariser wants it;
    any number of bits is kept (the original program keeps multiples of 64); W and c are stored, so that codes decode
    and new words encode. Defaults of learning rate and λ are those of the lowest reconstruction loss on GloVe.

    Attributes:
        weights_: W, float32, shape (n_bits, dim).
        bias_: c, float32, shape (dim,).
        bound_: what inputs are divided by, float32, shape (1,).
        losses_: ‖x − x̂‖² over ‖x‖² of each epoch, float32, shape (epochs,).
    """

    name = "nlb"
    summary = "autoencoder with a binary middle layer (Tissier et al. 2019)"
    options: ClassVar[tuple[Option, ...]] = (
        Option("bits", Either(Integer(1, 65536), OneOf("dim")), "dim", "bits per word; 'dim' for one per dimension"),
        Option("epochs", Integer(0, 10**6), 5, "passes over the training rows"),
        Option("batch_size", Integer(1), 75, "rows per step"),
        Option("learning_rate", Real(0, open_ends=True), 0.01, "step size of SGD"),
        Option("orthogonality", Real(0), 1.0, "weight λ of ½‖WᵀW − I‖² in the loss"),
        Option("bounds", OneOf("clip", "scale"), "clip", "clip inputs to [−1, 1], or scale them into it"),
        Option("fit_rows", Either(Integer(1), OneOf("all")), "all", "train on the first N rows, or 'all'"),
        RANDOM_STATE,
    )

    weights_: NDArray[np.float32]
    bias_: NDArray[np.float32]
    bound_: NDArray[np.float32]
    losses_: NDArray[np.float32]

    def __init__(
        self,
        bits: int | str = "dim",
        epochs: int = 5,
        batch_size: int = 75,
        learning_rate: float = 0.01,
        orthogonality: float = 1.0,
        bounds: str = "clip",
        fit_rows: int | str = "all",
        random_state: int = 0,
    ) -> None:
        self.bits = bits
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.orthogonality = orthogonality
        self.bounds = bounds
        self.fit_rows = fit_rows
        self.random_state = random_state

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Train W and c."""
        self._require_matrix(vectors)
        rows = head(self.name, vectors, self.fit_rows)
        dim = vectors.shape[1]
        n_bits = dim if isinstance(self.bits, str) else self.bits
        rng = np.random.default_rng(self.random_state)
        largest = float(np.abs(rows).max()) if self.bounds == "scale" and rows.size else 0.0
        self.bound_ = np.array([largest or 1.0], dtype=np.float32)
        losses = []
        with single_threaded_blas(), np.errstate(over="ignore", invalid="ignore"):
            self.weights_ = random_orthogonal(n_bits, dim, rng).astype(np.float32)
            self.bias_ = np.zeros(dim, dtype=np.float32)
            for epoch in range(self.epochs):
                progress("epoch", epoch, self.epochs)
                losses.append(self._epoch(rows, rng.permutation(len(rows))))
                if not np.isfinite(losses[-1]):
                    raise ParameterError(
                        f"nlb: training diverged, epoch {epoch + 1}: lower --learning-rate ({self.learning_rate:g}) "
                        f"or --orthogonality ({self.orthogonality:g})"
                    )
        progress("epoch", self.epochs, self.epochs)
        self.losses_ = np.array(losses, dtype=np.float32)
        return self

    def _epoch(self, rows: FloatMatrix, order: NDArray[np.int64]) -> float:
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

    def _bounded(self, vectors: FloatMatrix) -> FloatMatrix:
        bounded: FloatMatrix = np.clip(vectors / self.bound_[0], np.float32(-1), np.float32(1))
        return bounded

    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Return H(W x)."""
        self._require_fitted("weights_")
        self._require_dim(vectors)
        out = np.empty((len(vectors), bits.row_bytes(len(self.weights_))), dtype=np.uint8)

        def encode_block(rows: slice) -> None:
            out[rows] = bits.pack(self._bounded(vectors[rows]) @ self.weights_.T > 0)

        for_blocks(encode_block, len(vectors))
        return out

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return tanh(Wᵀ b + c), times the bound."""
        self._require_fitted("weights_")
        out = np.empty((len(codes), self.dim), dtype=np.float32)

        def decode_block(rows: slice) -> None:
            code = bits.unpack(codes[rows], len(self.weights_)).astype(np.float32)
            np.matmul(code, self.weights_, out=out[rows])
            out[rows] += self.bias_
            np.tanh(out[rows], out=out[rows])
            out[rows] *= self.bound_[0]

        for_blocks(decode_block, len(codes))
        return out

    @property
    def dim(self) -> int:
        """Columns of W."""
        self._require_fitted("weights_")
        return int(self.weights_.shape[1])

    @property
    def layout(self) -> CodeLayout:
        """One bit per row of W."""
        self._require_fitted("weights_")
        return CodeLayout("binary", len(self.weights_))

    @property
    def report(self) -> dict[str, Any]:
        """Relative reconstruction error of the bounded rows, by epoch."""
        self._require_fitted("weights_")
        return {"relative_error_by_epoch": [round(float(loss), 6) for loss in self.losses_]}

    @property
    def decode_state(self) -> frozenset[str]:
        """All but the losses."""
        return frozenset({"weights", "bias", "bound"})

    def get_state(self) -> State:
        """Return W, c, the bound and the losses."""
        self._require_fitted("weights_")
        return {"weights": self.weights_, "bias": self.bias_, "bound": self.bound_, "losses": self.losses_}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take fitted arrays."""
        self.weights_ = state_array(state, "weights", "<f4", None, None)
        self.bias_ = state_array(state, "bias", "<f4", self.weights_.shape[1])
        self.bound_ = state_array(state, "bound", "<f4", 1)
        self.losses_ = state_array(state, "losses", "<f4", None)
