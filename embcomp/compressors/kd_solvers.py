"""Ways to learn KD codes: [Chen 2017, eq. 1], solved by search, by Algorithm 1, or not at all.

Every solver takes targets, float32 (n, d), and returns a :class:`Fitted`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.compressors.additive import Symbols, fit_additive, least_squares
from embcomp.compressors.composition import LinearComposition, LstmComposition
from embcomp.compressors.kd_lstm import fit_lstm, start_network, surrogate_codebooks
from embcomp.compressors.kd_training import Training, train_network, train_straight_through
from embcomp.progress import Progress


@dataclass(frozen=True)
class Sizes:
    """D, K, d'; and how many prefixes the beam search keeps."""

    dims: int
    ways: int
    code_dim: int
    beam: int


@dataclass
class Fitted:
    """What was learnt.

    Attributes:
        codebooks: float32 (D, K, d').
        composition: f.
        surrogate: float32 (D, K, d), for an LSTM; (0, K, d) for a linear composition, which needs none.
        symbols: of the targets, uint16 (n, D).
        losses: relative squared error ‖X − X̂‖² / ‖X‖² of the targets after each iteration or epoch, where there are
            any.
    """

    codebooks: FloatArray
    composition: LinearComposition | LstmComposition
    surrogate: FloatArray
    symbols: Symbols
    losses: list[float]


def alternate_linear(
    targets: FloatArray,
    sizes: Sizes,
    directions: FloatArray,
    iterations: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Fitted:
    """Additive quantization, in the span of the top d' of ``directions`` (principal, rows) if d' is below d."""
    projected, transform = _project(targets, sizes, directions)
    codebooks, symbols, errors = fit_additive(
        projected, sizes.dims, sizes.ways, sizes.beam, iterations, rng, progress
    )
    energy = float(np.square(projected, dtype=np.float64).sum())
    losses = [error / energy if energy else 0.0 for error in errors]
    return Fitted(codebooks, LinearComposition(transform), _no_surrogate(targets, sizes), symbols, losses)


def random_linear(targets: FloatArray, sizes: Sizes, directions: FloatArray, rng: np.random.Generator) -> Fitted:
    """Random codes, and the codebooks that are best for them."""
    projected, transform = _project(targets, sizes, directions)
    symbols = random_codes(len(targets), sizes.dims, sizes.ways, rng)
    zeros = np.zeros((sizes.dims, sizes.ways, projected.shape[1]), dtype=np.float32)
    codebooks = least_squares(projected, symbols, zeros)
    return Fitted(codebooks, LinearComposition(transform), _no_surrogate(targets, sizes), symbols, [])


def alternate_lstm(
    targets: FloatArray,
    sizes: Sizes,
    iterations: int,
    training: Training,
    rng: np.random.Generator,
    progress: Progress,
) -> Fitted:
    """Search and training in turn, on targets brought to unit mean square."""
    scale = root_mean_square(targets)
    codebooks, composition, surrogate, symbols, losses = fit_lstm(
        targets / scale, sizes.dims, sizes.ways, sizes.code_dim, sizes.beam, iterations, training, rng, progress
    )
    composition.transform *= scale
    surrogate *= scale
    return Fitted(codebooks, composition, surrogate, symbols, _relative(losses, targets))


def random_lstm(
    targets: FloatArray, sizes: Sizes, training: Training, rng: np.random.Generator, progress: Progress
) -> Fitted:
    """Random codes, and an LSTM trained for them."""
    scale = root_mean_square(targets)
    scaled = targets / scale
    symbols = random_codes(len(targets), sizes.dims, sizes.ways, rng)
    zeros = np.zeros((sizes.dims, sizes.ways, targets.shape[1]), dtype=np.float32)
    linear = least_squares(scaled, symbols, zeros)
    codebooks, composition = start_network(scaled, symbols, linear, sizes.code_dim, rng)
    losses = train_network(scaled, symbols, codebooks, composition, training, rng, progress)
    composition.transform *= scale
    surrogate = surrogate_codebooks(codebooks, composition, symbols)
    return Fitted(codebooks, composition, surrogate, symbols, _relative(losses, targets))


def straight_through(
    targets: FloatArray,
    sizes: Sizes,
    compose: str,
    training: Training,
    rng: np.random.Generator,
    progress: Progress,
) -> Fitted:
    """Algorithm 1, on targets brought to unit mean square; code embeddings start Gaussian with variance 1/D."""
    scale = root_mean_square(targets)
    dim = targets.shape[1]
    composition: LinearComposition | LstmComposition
    if compose == "lstm":
        composition = LstmComposition.random(sizes.code_dim, dim, rng)
    else:
        composition = LinearComposition.random(sizes.code_dim, dim, rng)
    codebooks = rng.standard_normal((sizes.dims, sizes.ways, sizes.code_dim), dtype=np.float32)
    codebooks /= np.float32(math.sqrt(sizes.dims))
    trained = train_straight_through(targets / scale, codebooks, composition, training, rng, progress)
    if composition.transform is None:
        codebooks *= scale
    else:
        composition.transform *= scale
    surrogate = _no_surrogate(targets, sizes)
    if isinstance(composition, LstmComposition):
        surrogate = surrogate_codebooks(codebooks, composition, trained.codes)
    return Fitted(codebooks, composition, surrogate, trained.codes, _relative(trained.losses, targets))


def random_codes(n_rows: int, dims: int, ways: int, rng: np.random.Generator) -> Symbols:
    """Each symbol uniform and independent, uint16 (n, D)."""
    return rng.integers(0, ways, (n_rows, dims)).astype(np.uint16)


def root_mean_square(targets: FloatArray) -> np.float32:
    """√ mean x², 1 for zeros."""
    mean = float(np.square(targets, dtype=np.float64).mean()) if targets.size else 0.0
    return np.float32(math.sqrt(mean)) or np.float32(1)


def _project(targets: FloatArray, sizes: Sizes, directions: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Return targets in d' dimensions, and H."""
    if sizes.code_dim == targets.shape[1]:
        return targets, None
    transform = directions[: sizes.code_dim]
    return targets @ transform.T, transform


def _relative(losses: list[float], targets: FloatArray) -> list[float]:
    """Mean ‖v − f‖² of targets of unit mean square, over their mean ‖v‖²."""
    return [loss / targets.shape[1] for loss in losses]


def _no_surrogate(targets: FloatArray, sizes: Sizes) -> FloatArray:
    return np.zeros((0, sizes.ways, targets.shape[1]), dtype=np.float32)
