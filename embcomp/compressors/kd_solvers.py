"""Solvers for KD codes [Chen 2017, eq. 1]: by search, by Algorithm 1, or with random codes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from embcomp import draws
from embcomp.arrays import FloatArray, Symbols
from embcomp.compressors.additive import fit_additive, least_squares
from embcomp.compressors.composition import LinearComposition, LstmComposition
from embcomp.compressors.kd_lstm import fit_lstm, start_network, surrogate_codebooks
from embcomp.compressors.kd_training import Training, train_network, train_straight_through
from embcomp.exact import energy, product
from embcomp.progress import Progress


@dataclass
class Problem:
    """A learning problem: its data and its settings.

    Attributes:
        targets: v, float32 (n, d).
        directions: principal directions of the targets, rows, float32 (d, d).
        dims, ways, code_dim: D, K, d'.
        beam: prefixes that the search for codes keeps.
        iterations: rounds of search and least squares at most.
        training: of networks and logits.
        rng: of all randomness.
        progress: called during the work.
    """

    targets: FloatArray
    directions: FloatArray
    dims: int
    ways: int
    code_dim: int
    beam: int
    iterations: int
    training: Training
    rng: np.random.Generator
    progress: Progress

    @property
    def zeros(self) -> FloatArray:
        """Codebooks in the space of the targets, float32 (D, K, d), to start least squares from."""
        return np.zeros((self.dims, self.ways, self.targets.shape[1]), dtype=np.float32)

    def projected(self) -> tuple[FloatArray, FloatArray | None]:
        """Return targets in the span of the top d' directions, and H; unchanged if d' is d."""
        if self.code_dim == self.targets.shape[1]:
            return self.targets, None
        transform = self.directions[: self.code_dim]
        return product(self.targets, transform.T), transform

    def scaled(self) -> tuple[FloatArray, np.float32]:
        """Return targets of unit mean square, and their divisor."""
        mean = float(np.square(self.targets, dtype=np.float64).mean()) if self.targets.size else 0.0
        scale = np.float32(math.sqrt(mean)) or np.float32(1)
        return self.targets / scale, scale

    def random_codes(self) -> Symbols:
        """Draw codes for all targets."""
        return random_codes(len(self.targets), self.dims, self.ways, self.rng)


@dataclass
class Fitted:
    """What was learned.

    Attributes:
        codebooks: float32 (D, K, d').
        composition: f.
        symbols: of the targets, uint16 (n, D).
        surrogate: float32 (D, K, d), for an LSTM.
        losses: relative squared error ‖X − X̂‖² / ‖X‖² of the targets after each iteration or epoch, where there are
            any.
    """

    codebooks: FloatArray
    composition: LinearComposition | LstmComposition
    symbols: Symbols
    surrogate: FloatArray | None = None
    losses: list[float] = field(default_factory=list)


def alternate_linear(problem: Problem) -> Fitted:
    """Additive quantization, in the span of the top d' of the directions if d' is below d."""
    targets, transform = problem.projected()
    codebooks, symbols, errors = fit_additive(
        targets, problem.dims, problem.ways, problem.beam, problem.iterations, problem.rng, problem.progress
    )
    whole = energy(targets)
    losses = [error / whole if whole else 0.0 for error in errors]
    return Fitted(codebooks, LinearComposition(transform), symbols, losses=losses)


def random_linear(problem: Problem) -> Fitted:
    """Random codes, and the codebooks that are best for them."""
    targets, transform = problem.projected()
    symbols = problem.random_codes()
    codebooks = least_squares(targets, symbols, problem.zeros[:, :, : problem.code_dim])
    return Fitted(codebooks, LinearComposition(transform), symbols)


def alternate_lstm(problem: Problem) -> Fitted:
    """Search and training alternately, on targets scaled to unit mean square."""
    targets, scale = problem.scaled()
    codebooks, composition, surrogate, symbols, losses = fit_lstm(
        targets,
        problem.dims,
        problem.ways,
        problem.code_dim,
        problem.beam,
        problem.iterations,
        problem.training,
        problem.rng,
        problem.progress,
    )
    composition.transform *= scale
    surrogate *= scale
    return Fitted(codebooks, composition, symbols, surrogate, _relative(losses, targets))


def random_lstm(problem: Problem) -> Fitted:
    """Random codes, and an LSTM trained for them."""
    targets, scale = problem.scaled()
    symbols = problem.random_codes()
    linear = least_squares(targets, symbols, problem.zeros)
    codebooks, composition = start_network(targets, symbols, linear, problem.code_dim, problem.rng)
    training, rng, progress = problem.training, problem.rng, problem.progress
    losses = train_network(targets, symbols, codebooks, composition, training, rng, progress)
    composition.transform *= scale
    surrogate = surrogate_codebooks(codebooks, composition, symbols)
    return Fitted(codebooks, composition, symbols, surrogate, _relative(losses, targets))


def straight_through_linear(problem: Problem) -> Fitted:
    """Algorithm 1, on targets scaled to unit mean square."""
    targets, scale = problem.scaled()
    composition = LinearComposition.random(problem.code_dim, targets.shape[1], problem.rng)
    codebooks, symbols, losses = _straight_through(problem, targets, composition)
    if composition.transform is None:
        codebooks *= scale
    else:
        composition.transform *= scale
    return Fitted(codebooks, composition, symbols, losses=losses)


def straight_through_lstm(problem: Problem) -> Fitted:
    """Algorithm 1 with an LSTM, on targets scaled to unit mean square."""
    targets, scale = problem.scaled()
    composition = LstmComposition.random(problem.code_dim, targets.shape[1], problem.rng)
    codebooks, symbols, losses = _straight_through(problem, targets, composition)
    composition.transform *= scale
    return Fitted(codebooks, composition, symbols, surrogate_codebooks(codebooks, composition, symbols), losses)


def _straight_through(
    problem: Problem, targets: FloatArray, composition: LinearComposition | LstmComposition
) -> tuple[FloatArray, Symbols, list[float]]:
    """Train codes, codebooks and f together; code embeddings start Gaussian with variance 1/D."""
    rng = problem.rng
    codebooks = rng.standard_normal((problem.dims, problem.ways, problem.code_dim), dtype=np.float32)
    codebooks /= np.float32(math.sqrt(problem.dims))
    trained = train_straight_through(targets, codebooks, composition, problem.training, rng, problem.progress)
    return codebooks, trained.codes, _relative(trained.losses, targets)


SOLVERS: dict[tuple[str, str], Callable[[Problem], Fitted]] = {
    ("alternate", "linear"): alternate_linear,
    ("alternate", "lstm"): alternate_lstm,
    ("random", "linear"): random_linear,
    ("random", "lstm"): random_lstm,
    ("ste", "linear"): straight_through_linear,
    ("ste", "lstm"): straight_through_lstm,
}
"""By the options ``solver`` and ``compose`` of the method."""


def random_codes(n_rows: int, dims: int, ways: int, rng: np.random.Generator) -> Symbols:
    """Each symbol uniform and independent, uint16 (n, D)."""
    return draws.below(rng, ways, (n_rows, dims)).astype(np.uint16)


def _relative(losses: list[float], targets: FloatArray) -> list[float]:
    """Mean ‖v − f‖² of targets of unit mean square, over their mean ‖v‖²."""
    return [loss / targets.shape[1] for loss in losses]
