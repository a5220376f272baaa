"""DCCL, deep compositional code learning [Shu and Nakayama 2018, ICLR], without a deep-learning framework."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.checks import Either, Integer, OneOf, Option, Real
from embcomp.compressors.adam import Adam
from embcomp.compressors.base import CodeLayout, Compressor, State, state_array
from embcomp.compressors.binary import head
from embcomp.compressors.itq import RANDOM_STATE
from embcomp.embedding import FloatMatrix, mean_rows
from embcomp.errors import CorruptError
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks, single_threaded_blas

FloatArray = NDArray[np.float32]

VALIDATION_SHARE = 0.05
TINY = np.float32(1e-20)


@dataclass
class Network:
    """Encoder and codebooks; the names are those of Shu and Nakayama §4.

    Attributes:
        theta: float32, (dim, M·K/2); with ``theta_bias`` the first layer, h = tanh(θᵀx + b).
        theta_prime: float32, (M·K/2, M·K); with ``theta_prime_bias`` the second, α = softplus(θ'ᵀh + b').
        codebooks: float32, (M·K, dim): M codebooks of K vectors, one after the other.
    """

    theta: FloatArray
    theta_bias: FloatArray
    theta_prime: FloatArray
    theta_prime_bias: FloatArray
    codebooks: FloatArray

    @classmethod
    def random(cls, dim: int, n_symbols: int, ways: int, rng: np.random.Generator) -> Network:
        """Uniform weights scaled by fan-in and fan-out [Glorot and Bengio 2010], Gaussian codebooks."""
        hidden = max(1, n_symbols * ways // 2)

        def uniform(rows: int, columns: int) -> FloatArray:
            bound = math.sqrt(6 / (rows + columns))
            return rng.uniform(-bound, bound, (rows, columns)).astype(np.float32)

        return cls(
            uniform(dim, hidden),
            np.zeros(hidden, dtype=np.float32),
            uniform(hidden, n_symbols * ways),
            np.zeros(n_symbols * ways, dtype=np.float32),
            rng.normal(0, 1 / math.sqrt(n_symbols * dim), (n_symbols * ways, dim)).astype(np.float32),
        )

    @property
    def arrays(self) -> list[FloatArray]:
        """All parameters, in the order of the gradients."""
        return [self.theta, self.theta_bias, self.theta_prime, self.theta_prime_bias, self.codebooks]

    def hidden(self, x: FloatArray) -> FloatArray:
        """h = tanh(θᵀx + b)."""
        values: FloatArray = np.tanh(x @ self.theta + self.theta_bias)
        return values

    def scores(self, hidden: FloatArray) -> FloatArray:
        """θ'ᵀh + b', whose softplus is α; float32, (n, M·K)."""
        values: FloatArray = hidden @ self.theta_prime + self.theta_prime_bias
        return values


def softplus(values: FloatArray) -> FloatArray:
    """log(1 + eᵃ), without overflow."""
    result: FloatArray = np.logaddexp(np.float32(0), values)
    return result


def relaxed_loss(
    network: Network, x: FloatArray, noise: FloatArray, ways: int, temperature: float
) -> tuple[float, list[FloatArray]]:
    """Return ½ mean ‖x̂ − x‖² of the relaxed codes, and its gradients in the order of ``network.arrays``.

    d = softmax over each codebook's K of (log α + G) / τ, eq. (9)-(11); x̂ = Σ d · codebooks, eq. (3).

    Args:
        network: parameters.
        x: float32, (n, dim).
        noise: G, Gumbel samples, float32, (n, M·K); zeros for none.
        ways: K.
        temperature: τ.
    """
    hidden = network.hidden(x)
    scores = network.scores(hidden)
    alpha = softplus(scores) + TINY
    logits = ((np.log(alpha) + noise) / np.float32(temperature)).reshape(len(x), -1, ways)
    logits -= logits.max(axis=2, keepdims=True)
    weights = np.exp(logits)
    weights /= weights.sum(axis=2, keepdims=True)
    flat = weights.reshape(len(x), -1)
    residual = (flat @ network.codebooks - x) / np.float32(len(x))
    loss = 0.5 * len(x) * float(np.vdot(residual, residual))
    # backwards: softmax, log, softplus, the two layers
    d_weights = (residual @ network.codebooks.T).reshape(weights.shape)
    d_logits = weights * (d_weights - (weights * d_weights).sum(axis=2, keepdims=True))
    sigmoid = np.exp(scores - softplus(scores))
    d_scores = d_logits.reshape(flat.shape) / np.float32(temperature) / alpha * sigmoid
    d_hidden = (d_scores @ network.theta_prime.T) * (1 - hidden * hidden)
    gradients = [
        x.T @ d_hidden,
        d_hidden.sum(axis=0),
        hidden.T @ d_scores,
        d_scores.sum(axis=0),
        flat.T @ residual,
    ]
    return loss, gradients


class DcclCompressor(Compressor):
    """M symbols of K values, chosen by a small network; a vector is the sum of M codebook vectors.

    Encoder: tanh layer of M·K/2, softplus layer of M·K, Gumbel-softmax with temperature 1 while training, the largest
    of each K afterwards. Trained end to end by Adam on ‖x̂ − x‖², gradients clipped by their global norm. Codes are
    M · log2 K bits.

    Where we differ: vectors are centred and brought to unit mean square, which decoding undoes; validation rows are
    held out of training (the original draws them from it), and the epoch with the lowest validation loss of *hard*
    codes is kept; training stops when ``patience`` epochs have not improved it; learning rate and clipping norm
    are larger than the original's 0.0001 and 0.001, which need its 200 epochs; training takes the first ``fit_rows``
    rows.

    Attributes:
        network_: encoder and codebooks.
        mean_: float32, (dim,).
        scale_: float32, (1,).
        losses_: validation loss by epoch, relative to the variance, float32.
    """

    name = "dccl"
    summary = "codes learnt by a network with Gumbel-softmax (Shu and Nakayama 2018)"
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "codebooks",
            Either(Integer(1, 4096), OneOf("auto")),
            "auto",
            "number M of codebooks; 'auto' for one bit a dimension",
        ),
        Option("ways", Integer(2, 65536), 16, "vectors K per codebook"),
        Option("epochs", Integer(0, 10**6), 60, "passes over the training rows at most"),
        Option("patience", Integer(1), 5, "epochs without a lower validation loss before training stops"),
        Option("batch_size", Integer(1), 128, "rows per step"),
        Option("learning_rate", Real(0, open_ends=True), 0.003, "step size of Adam"),
        Option("clip_norm", Real(0, open_ends=True), 1.0, "largest global norm of a gradient"),
        Option("temperature", Real(0, open_ends=True), 1.0, "τ of the Gumbel-softmax"),
        Option("fit_rows", Either(Integer(1), OneOf("all")), 50_000, "train on the first N rows, or 'all'"),
        RANDOM_STATE,
    )

    network_: Network
    mean_: FloatArray
    scale_: FloatArray
    losses_: FloatArray

    def __init__(
        self,
        codebooks: int | str = "auto",
        ways: int = 16,
        epochs: int = 60,
        patience: int = 5,
        batch_size: int = 128,
        learning_rate: float = 0.003,
        clip_norm: float = 1.0,
        temperature: float = 1.0,
        fit_rows: int | str = 50_000,
        random_state: int = 0,
    ) -> None:
        self.codebooks = codebooks
        self.ways = ways
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.clip_norm = clip_norm
        self.temperature = temperature
        self.fit_rows = fit_rows
        self.random_state = random_state

    @classmethod
    def options_for_bits(cls, n_bits: int, dim: int, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """As many codebooks as ``n_bits`` hold symbols, or a single one of fewer vectors."""
        if "codebooks" in given:
            return None
        width = max(1, ((cls.defaults() | dict(given))["ways"] - 1).bit_length())
        return {"codebooks": n_bits // width} if n_bits >= width else {"codebooks": 1, "ways": 2**n_bits}

    def fit(self, vectors: FloatMatrix, progress: Progress = no_progress) -> Self:
        """Train encoder and codebooks."""
        self._require_matrix(vectors)
        rows = head(self.name, vectors, self.fit_rows)
        rng = np.random.default_rng(self.random_state)
        dim = vectors.shape[1]
        self.mean_ = mean_rows(rows)
        centred = rows - self.mean_
        energy = float(np.vdot(centred, centred)) / max(1, centred.size)
        self.scale_ = np.array([math.sqrt(energy) or 1.0], dtype=np.float32)
        centred /= self.scale_[0]
        symbols = max(1, round(dim / math.log2(self.ways))) if isinstance(self.codebooks, str) else self.codebooks
        with single_threaded_blas():
            self.network_ = Network.random(dim, symbols, self.ways, rng)
            self._train(centred, rng, progress)
        return self

    def _train(self, rows: FloatArray, rng: np.random.Generator, progress: Progress) -> None:
        order = rng.permutation(len(rows))
        n_held_out = math.ceil(VALIDATION_SHARE * len(rows))
        held_out, training = rows[order[:n_held_out]], rows[order[n_held_out:]]
        optimiser = Adam(self.network_.arrays, lr=self.learning_rate)
        best = [array.copy() for array in self.network_.arrays]
        losses = [self._hard_loss(held_out)]
        for epoch in range(self.epochs if len(training) else 0):
            progress("epoch", epoch, self.epochs)
            self._epoch(training, optimiser, rng)
            losses.append(self._hard_loss(held_out))
            if losses[-1] <= min(losses):
                best = [array.copy() for array in self.network_.arrays]
            elif epoch + 1 >= self.patience and min(losses[-self.patience :]) > min(losses):
                break
        progress("epoch", self.epochs, self.epochs)
        self.network_ = Network(*best)
        self.losses_ = np.array(losses, dtype=np.float32)

    def _epoch(self, training: FloatArray, optimiser: Adam, rng: np.random.Generator) -> None:
        order = rng.permutation(len(training))
        for start in range(0, len(order), self.batch_size):
            x = training[order[start : start + self.batch_size]]
            uniform = rng.random((len(x), self.network_.codebooks.shape[0]), dtype=np.float32)
            noise = -np.log(-np.log(uniform + TINY) + TINY)
            _, gradients = relaxed_loss(self.network_, x, noise, self.ways, self.temperature)
            norm = math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in gradients))
            if norm > self.clip_norm:
                gradients = [gradient * np.float32(self.clip_norm / norm) for gradient in gradients]
            optimiser.step(gradients)

    def _hard_loss(self, rows: FloatArray) -> float:
        """‖x̂ − x‖² / ‖x‖² of the codes that are stored."""
        decoded = self._sum_of_codebooks(self._symbols(rows))
        decoded -= rows
        energy = float(np.vdot(rows, rows))
        return float(np.vdot(decoded, decoded)) / energy if energy else 0.0

    def _symbols(self, rows: FloatArray) -> NDArray[np.int64]:
        scores = self.network_.scores(self.network_.hidden(rows))
        chosen: NDArray[np.int64] = scores.reshape(len(rows), self.layout.symbols, self.ways).argmax(axis=2)
        return chosen

    def _sum_of_codebooks(self, symbols: NDArray[np.integer[Any]]) -> FloatArray:
        total = np.zeros((len(symbols), self.dim), dtype=np.float32)
        for number in range(symbols.shape[1]):
            total += self.network_.codebooks[number * self.ways + symbols[:, number].astype(np.int64)]
        return total

    def encode(self, vectors: FloatMatrix) -> BytesArray:
        """Return the largest symbol of each codebook."""
        self._require_fitted("network_")
        self._require_dim(vectors)
        layout = self.layout
        out = np.empty((len(vectors), bits.row_bytes(layout.row_bits)), dtype=np.uint8)

        def encode_block(rows: slice) -> None:
            symbols = self._symbols((vectors[rows] - self.mean_) / self.scale_[0])
            out[rows] = bits.pack_symbols(symbols, layout.symbol_bits)

        for_blocks(encode_block, len(vectors))
        return out

    def decode(self, codes: BytesArray, row_ids: NDArray[np.int64] | None = None) -> FloatMatrix:
        """Return the sums of the codebook vectors, in the scale of the source, centred."""
        self._require_fitted("network_")
        layout = self.layout
        out = np.empty((len(codes), self.dim), dtype=np.float32)

        def decode_block(rows: slice) -> None:
            symbols = bits.unpack_symbols(codes[rows], layout.symbols, layout.symbol_bits)
            out[rows] = self._sum_of_codebooks(np.minimum(symbols, self.ways - 1))
            out[rows] *= self.scale_[0]

        for_blocks(decode_block, len(codes))
        return out

    @property
    def codewords(self) -> FloatArray:
        """The network's, in the scale of the source."""
        self._require_fitted("network_")
        scaled: FloatArray = (self.network_.codebooks * self.scale_[0]).reshape(-1, self.ways, self.dim)
        return scaled

    @property
    def dim(self) -> int:
        """Numbers per codebook vector."""
        self._require_fitted("network_")
        return int(self.network_.codebooks.shape[1])

    @property
    def layout(self) -> CodeLayout:
        """M symbols of ⌈log2 K⌉ bits."""
        self._require_fitted("network_")
        symbols = len(self.network_.codebooks) // self.ways
        return CodeLayout("indexed", symbols, max(1, (self.ways - 1).bit_length()))

    @property
    def offset(self) -> FloatArray:
        """The mean that was subtracted."""
        self._require_fitted("mean_")
        return self.mean_

    @property
    def report(self) -> dict[str, Any]:
        """Validation loss (relative squared error of hard codes) at the start, at its best, and the epochs run."""
        self._require_fitted("network_")
        return {
            "epochs_run": len(self.losses_) - 1,
            "validation_loss": {
                "first": round(float(self.losses_[0]), 6),
                "best": round(float(self.losses_.min()), 6),
            },
        }

    @property
    def decode_state(self) -> frozenset[str]:
        """Decoding needs the codebooks, the scale and the mean, not the encoder."""
        return frozenset({"codebooks", "scale", "mean"})

    def get_state(self) -> State:
        """Return the network, mean, scale and losses."""
        self._require_fitted("network_")
        names = ("theta", "theta_bias", "theta_prime", "theta_prime_bias", "codebooks")
        network = {name: getattr(self.network_, name) for name in names}
        return network | {"mean": self.mean_, "scale": self.scale_, "losses": self.losses_}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take fitted arrays."""
        codebooks = state_array(state, "codebooks", "<f4", None, None)
        n_scores, dim = codebooks.shape
        if not n_scores or n_scores % self.ways:
            raise CorruptError(f"state 'codebooks' must have a multiple of {self.ways} rows, got {n_scores}")
        hidden = max(1, n_scores // 2)
        self.network_ = Network(
            state_array(state, "theta", "<f4", dim, hidden),
            state_array(state, "theta_bias", "<f4", hidden),
            state_array(state, "theta_prime", "<f4", hidden, n_scores),
            state_array(state, "theta_prime_bias", "<f4", n_scores),
            codebooks,
        )
        self.mean_ = state_array(state, "mean", "<f4", dim)
        self.scale_ = state_array(state, "scale", "<f4", 1)
        self.losses_ = state_array(state, "losses", "<f4", None)
