"""KD codes with LSTM composition: a search for codes, and a fit that alternates it with training.

The paper learns such codes by straight-through gradients (:mod:`embcomp.compressors.kd_training`). Here codes start
as those of additive quantization, the network is trained for fixed codes, and codes are then improved one symbol at a
time. Candidates for a symbol come from a linear surrogate (codebooks whose sums approximate the LSTM's outputs); the
best few are judged by the LSTM itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray, Symbols
from embcomp.compressors.additive import Search, fit_additive, least_squares
from embcomp.compressors.composition import LstmComposition, LstmState
from embcomp.compressors.kd_training import Training, train_network
from embcomp.progress import Progress, no_progress
from embcomp.threads import for_blocks

CANDIDATES = 3
SWEEPS = 2
LSTM_ROWS = 1024  # of a block: each takes 4 · d' numbers more than for a sum of codewords


def compose(codebooks: FloatArray, composition: LstmComposition, codes: NDArray[np.unsignedinteger]) -> FloatArray:
    """Return f of the codes, float32 (n, d), without keeping what gradients need."""
    state = LstmState.start(len(codes), composition.code_dim)
    for j, codebook in enumerate(codebooks):
        state, _ = composition.step(state, codebook[codes[:, j]])
    return state.total @ composition.transform


def compose_all(codebooks: FloatArray, composition: LstmComposition, codes: Symbols) -> FloatArray:
    """:func:`compose` in blocks."""
    out = np.empty((len(codes), composition.transform.shape[1]), dtype=np.float32)

    def of_block(rows: slice) -> None:
        out[rows] = compose(codebooks, composition, codes[rows])

    for_blocks(of_block, len(codes), LSTM_ROWS)
    return out


class LstmSearch:
    """Looks for the codes of rows, given the codebooks, the LSTM and its linear surrogate."""

    def __init__(self, codebooks: FloatArray, composition: LstmComposition, surrogate: FloatArray) -> None:
        """Take codebooks (D, K, d'), and surrogate codebooks (D, K, d)."""
        self.codebooks = codebooks
        self.composition = composition
        self.surrogate = surrogate
        self._linear = Search(surrogate)
        self._half_norms = np.einsum("jkd,jkd->jk", surrogate, surrogate) / 2

    def encode(self, targets: FloatArray, width: int, sweeps: int = SWEEPS) -> Symbols:
        """Return codes, uint16 (n, D): beam search with the surrogate, then local search with the LSTM."""
        codes = self._linear.encode(targets, width)
        self.improve_all(targets, codes, sweeps)
        return codes

    def improve_all(self, targets: FloatArray, codes: Symbols, sweeps: int = SWEEPS) -> None:
        """Local search from given codes, in place."""

        def of_block(rows: slice) -> None:
            for _ in range(sweeps):
                if not self._sweep(targets[rows], codes[rows]):
                    return

        for_blocks(of_block, len(targets), LSTM_ROWS)

    def _sweep(self, targets: FloatArray, codes: Symbols) -> bool:
        """Try better symbols, place after place; tell whether any was found."""
        composed = compose(self.codebooks, self.composition, codes)
        errors = np.square(targets - composed).sum(axis=1)
        state = LstmState.start(len(codes), self.composition.code_dim)
        any_better = False
        for j in range(len(self.codebooks)):
            for candidate in self._candidates(targets - composed, codes, j):
                trial = codes.copy()
                trial[:, j] = candidate
                trial_composed = self._finish(state, trial, j)
                trial_errors = np.square(targets - trial_composed).sum(axis=1)
                better = trial_errors < errors
                codes[better, j] = candidate[better]
                composed[better], errors[better] = trial_composed[better], trial_errors[better]
                any_better = any_better or bool(better.any())
            state, _ = self.composition.step(state, self.codebooks[j][codes[:, j]])
        return any_better

    def _candidates(self, residual: FloatArray, codes: Symbols, j: int) -> list[Symbols]:
        """The symbols that the surrogate would put in place ``j``, best first, without the present one."""
        words = self.surrogate[j]
        scores = self._half_norms[j] - (residual + words[codes[:, j]]) @ words.T
        row = np.arange(len(codes))
        scores[row, codes[:, j]] = np.inf
        found = []
        for _ in range(min(CANDIDATES, len(words) - 1)):
            best = scores.argmin(axis=1)
            scores[row, best] = np.inf
            found.append(best.astype(np.uint16))
        return found

    def _finish(self, state: LstmState, codes: Symbols, first: int) -> FloatArray:
        """Run the recurrence from place ``first`` on."""
        for j in range(first, len(self.codebooks)):
            state, _ = self.composition.step(state, self.codebooks[j][codes[:, j]])
        return state.total @ self.composition.transform


def surrogate_codebooks(codebooks: FloatArray, composition: LstmComposition, codes: Symbols) -> FloatArray:
    """Return codebooks, float32 (D, K, d), whose sums are nearest to the LSTM's outputs for these codes."""
    shape = (*codebooks.shape[:2], composition.transform.shape[1])
    return least_squares(compose_all(codebooks, composition, codes), codes, np.zeros(shape, dtype=np.float32))


def start_network(
    targets: FloatArray, codes: Symbols, linear: FloatArray, code_dim: int, rng: np.random.Generator
) -> tuple[FloatArray, LstmComposition]:
    """Return codebooks and an LSTM to train: embeddings from linear codebooks (D, K, d), H by least squares.

    Where d' ≠ d, linear codebooks are brought to d' by a random projection.
    """
    dim = linear.shape[2]
    composition = LstmComposition.random(code_dim, dim, rng)
    codebooks = linear.copy()
    if code_dim != dim:
        projection = rng.standard_normal((dim, code_dim)) / np.sqrt(dim)
        codebooks = linear @ projection.astype(np.float32)
    solve_transform(targets, codes, codebooks, composition)
    return codebooks, composition


def solve_transform(targets: FloatArray, codes: Symbols, codebooks: FloatArray, composition: LstmComposition) -> None:
    """Set H, in place, to the least-squares solution for Σ h."""
    identity = LstmComposition(
        composition.recurrent, composition.bias, np.eye(composition.code_dim, dtype=np.float32)
    )
    totals = compose_all(codebooks, identity, codes).astype(np.float64)
    gram = totals.T @ totals
    gram[np.diag_indices(len(gram))] += 1e-6 * max(float(np.trace(gram)) / len(gram), 1e-30)
    composition.transform[:] = np.linalg.solve(gram, totals.T @ targets)


def fit_lstm(
    targets: FloatArray,
    dims: int,
    ways: int,
    code_dim: int,
    width: int,
    iterations: int,
    training: Training,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[FloatArray, LstmComposition, FloatArray, Symbols, list[float]]:
    """Fit an LSTM and its codes to targets of unit mean square by turns.

    Returns:
        Codebooks, network, surrogate codebooks, codes, the loss of each epoch.
    """
    linear, codes, _ = fit_additive(targets, dims, ways, width, iterations, rng, progress)
    codebooks, composition = start_network(targets, codes, linear, code_dim, rng)
    losses = []
    for turn in range(TURNS if len(targets) else 0):
        epochs = training.epochs // TURNS + (turn < training.epochs % TURNS)
        turned = replace(training, epochs=epochs)
        losses += train_network(targets, codes, codebooks, composition, turned, rng, progress)
        surrogate = surrogate_codebooks(codebooks, composition, codes)
        LstmSearch(codebooks, composition, surrogate).improve_all(targets, codes)
    return codebooks, composition, surrogate_codebooks(codebooks, composition, codes), codes, losses


TURNS = 3
