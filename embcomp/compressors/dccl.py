"""DCCL, deep compositional code learning [Shu 2018], without a deep-learning framework."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Integer, Real, option
from embcomp.compressors.adam import Adam
from embcomp.compressors.base import CodeLayout, Compressor, Report
from embcomp.compressors.options import FIT_ROWS, RANDOM_STATE, auto
from embcomp.compressors.state import array
from embcomp.embedding import mean_rows
from embcomp.errors import CorruptError, ParameterError
from embcomp.progress import Progress
from embcomp.threads import single_threaded_blas

VALIDATION_SHARE = 0.05
TINY = np.float32(1e-20)


@dataclass
class Network:
    """Encoder and codebooks; the names are those of [Shu 2018, §4].

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
        """Uniform weights scaled by fan-in and fan-out [Glorot 2010], Gaussian codebooks."""
        hidden = _hidden(n_symbols * ways)

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

    def symbols(self, x: FloatArray, ways: int) -> NDArray[np.int64]:
        """The largest score of each codebook: int64, (n, M)."""
        by_codebook = self.scores(self.hidden(x)).reshape(len(x), len(self.codebooks) // ways, ways)
        chosen: NDArray[np.int64] = by_codebook.argmax(axis=2)
        return chosen

    def sum_of_codebooks(self, symbols: NDArray[np.integer[Any]], ways: int) -> FloatArray:
        """One vector of each codebook, added: float32, (n, dim)."""
        total = np.zeros((len(symbols), self.codebooks.shape[1]), dtype=np.float32)
        for number in range(symbols.shape[1]):
            total += self.codebooks[number * ways + symbols[:, number].astype(np.int64)]
        return total


def softplus(values: FloatArray) -> FloatArray:
    """log(1 + eᵃ), without overflow."""
    result: FloatArray = np.logaddexp(np.float32(0), values)
    return result


def relaxed_loss(
    network: Network, x: FloatArray, noise: FloatArray, ways: int, temperature: float
) -> tuple[float, list[FloatArray]]:
    """Return ½ mean ‖x̂ − x‖² of the relaxed codes, and its gradients in the order of ``network.arrays``.

    d = softmax over each codebook's K of (log α + G) / τ, [Shu 2018, eq. 9-11]; x̂ = Σ d · codebooks, eq. 3.

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
    """

    name = "dccl"
    summary = "codes learned by a network with Gumbel-softmax (Shu and Nakayama 2018)"
    decodes_by_products = False

    codebooks: int | str = auto(
        Integer(1, 4096), "number M of codebooks; 'auto' for one bit per dimension", role="symbols"
    )
    ways: int = option(Integer(2, 65536), "vectors K per codebook", default=16, role="ways")
    epochs: int = option(Integer(0, 10**6), "passes over the training rows at most", default=60)
    patience: int = option(Integer(1), "epochs without a lower validation loss before training stops", default=5)
    batch_size: int = option(Integer(1), "rows per step", default=128)
    learning_rate: float = option(Real(0, open_ends=True), "step size of Adam", default=0.003)
    clip_norm: float = option(Real(0, open_ends=True), "largest global norm of a gradient", default=1.0)
    temperature: float = option(Real(0, open_ends=True), "τ of the Gumbel-softmax", default=1.0)
    fit_rows: int | str = FIT_ROWS
    random_state: int = RANDOM_STATE

    mean_: FloatArray = array("<f4", "dim", offset=True)
    scale_: FloatArray = array("<f4", 1)
    codebooks_: FloatArray = array("<f4", "scores", "dim")
    theta_: FloatArray = array("<f4", "dim", lambda dccl: _hidden(dccl.extents["scores"]), encodes_only=True)
    theta_bias_: FloatArray = array("<f4", lambda dccl: _hidden(dccl.extents["scores"]), encodes_only=True)
    theta_prime_: FloatArray = array("<f4", lambda dccl: _hidden(dccl.extents["scores"]), "scores", encodes_only=True)
    theta_prime_bias_: FloatArray = array("<f4", "scores", encodes_only=True)

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        """Train encoder and codebooks; report the validation loss, relative to the variance, before each epoch."""
        rng = np.random.default_rng(self.random_state)
        dim = rows.shape[1]
        self.mean_ = mean_rows(rows)
        centred = rows - self.mean_
        energy = float(np.vdot(centred, centred)) / max(1, centred.size)
        self.scale_ = np.array([math.sqrt(energy) or 1.0], dtype=np.float32)
        centred /= self.scale_[0]
        symbols = max(1, round(dim / math.log2(self.ways))) if isinstance(self.codebooks, str) else self.codebooks
        with single_threaded_blas(), np.errstate(over="ignore", invalid="ignore"):
            network = Network.random(dim, symbols, self.ways, rng)
            losses = self._train(network, centred, rng, progress)
        return {"losses": [round(loss, 6) for loss in losses]}

    def _train(self, network: Network, rows: FloatArray, rng: np.random.Generator, progress: Progress) -> list[float]:
        """Train ``network`` in place, keep its best epoch, return the validation losses."""
        order = rng.permutation(len(rows))
        n_held_out = math.ceil(VALIDATION_SHARE * len(rows))
        held_out, training = rows[order[:n_held_out]], rows[order[n_held_out:]]
        optimiser = Adam(network.arrays, lr=self.learning_rate)
        losses = [self._hard_loss(network, held_out)]
        self._keep(network)
        for epoch in range(self.epochs if len(training) else 0):
            progress("epoch", epoch, self.epochs)
            self._epoch(network, training, optimiser, rng)
            losses.append(self._hard_loss(network, held_out))
            if not math.isfinite(losses[-1]):
                raise ParameterError(
                    f"dccl: training diverged, epoch {epoch + 1}: lower `learning_rate` ({self.learning_rate:g})"
                )
            if losses[-1] <= min(losses):
                self._keep(network)
            elif epoch + 1 >= self.patience and min(losses[-self.patience :]) > min(losses):
                break
        progress("epoch", self.epochs, self.epochs)
        return losses

    def _keep(self, network: Network) -> None:
        for name, values in vars(network).items():
            setattr(self, name + "_", values.copy())

    def _epoch(self, network: Network, training: FloatArray, optimiser: Adam, rng: np.random.Generator) -> None:
        order = rng.permutation(len(training))
        for start in range(0, len(order), self.batch_size):
            x = training[order[start : start + self.batch_size]]
            uniform = rng.random((len(x), network.codebooks.shape[0]), dtype=np.float32)
            noise = -np.log(-np.log(uniform + TINY) + TINY)
            _, gradients = relaxed_loss(network, x, noise, self.ways, self.temperature)
            norm = math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in gradients))
            if norm > self.clip_norm:
                gradients = [gradient * np.float32(self.clip_norm / norm) for gradient in gradients]
            optimiser.step(gradients)

    def _hard_loss(self, network: Network, rows: FloatArray) -> float:
        """‖x̂ − x‖² / ‖x‖² of the codes that are stored."""
        decoded = network.sum_of_codebooks(network.symbols(rows, self.ways), self.ways)
        decoded -= rows
        energy = float(np.vdot(rows, rows))
        return float(np.vdot(decoded, decoded)) / energy if energy else 0.0

    @property
    def network_(self) -> Network:
        """Encoder and codebooks."""
        self._require_fitted()
        return Network(self.theta_, self.theta_bias_, self.theta_prime_, self.theta_prime_bias_, self.codebooks_)

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        """The largest symbol of each codebook."""
        symbols = self.network_.symbols((vectors - self.mean_) / self.scale_[0], self.ways)
        return bits.pack_symbols(symbols, self.layout.symbol_bits)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        """The sums of the codebook vectors, in the scale of the source, centred."""
        symbols = bits.unpack_symbols(codes, self.layout.symbols, self.layout.symbol_bits)
        out = self.network_.sum_of_codebooks(np.minimum(symbols, self.ways - 1), self.ways)
        out *= self.scale_[0]
        return out

    @property
    def codewords(self) -> FloatArray:
        """The network's, in the scale of the source."""
        scaled: FloatArray = (self.network_.codebooks * self.scale_[0]).reshape(-1, self.ways, self.dim)
        return scaled

    @property
    def layout(self) -> CodeLayout:
        """M symbols of ⌈log2 K⌉ bits."""
        return CodeLayout.of_symbols(self.extents["scores"] // self.ways, self.ways)

    @property
    def _working_width(self) -> int:
        return self.extents["scores"]

    def _check_state(self) -> None:
        """Check that there are whole codebooks."""
        n_scores = self.extents["scores"]
        if not n_scores or n_scores % self.ways:
            raise CorruptError(f"state 'codebooks' must have a multiple of {self.ways} rows, got {n_scores}")


def _hidden(n_scores: int) -> int:
    """Units of the hidden layer."""
    return max(1, n_scores // 2)
