"""How code embeddings become a vector: the f of KD codes [Chen 2017, §2.2], linear or LSTM, with gradients by hand.

Code embeddings of n rows are float32 of shape (D, n, d'): E[j] holds W^j_{c_j} of each row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray


class Composition(Protocol):
    """A differentiable f with parameters θ."""

    @property
    def parameters(self) -> list[FloatArray]:
        """θ: arrays that training changes in place."""
        ...

    def forward(self, embedded: FloatArray) -> tuple[FloatArray, Any]:
        """Return f(E), float32 (n, d), and what :meth:`backward` needs."""
        ...

    def backward(self, cache: Any, gradient: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        """Return the gradients by E and by ``parameters``, given the gradient by f(E), float32 (n, d)."""
        ...


@dataclass
class LinearComposition:
    """v = (Σ_j W^j_{c_j})ᵀ H; ``transform`` is H, float32 (d', d), or None for the identity."""

    transform: FloatArray | None

    @classmethod
    def random(cls, code_dim: int, dim: int, rng: np.random.Generator) -> LinearComposition:
        """The identity where the sizes agree, else a random projection."""
        if code_dim == dim:
            return cls(None)
        return cls((rng.standard_normal((code_dim, dim)) / math.sqrt(code_dim)).astype(np.float32))

    @property
    def parameters(self) -> list[FloatArray]:
        """H, if there is one."""
        return [] if self.transform is None else [self.transform]

    def forward(self, embedded: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (Σ_j E_j) H, and the sum."""
        total = embedded.sum(axis=0)
        return (total if self.transform is None else total @ self.transform), total

    def backward(self, cache: FloatArray, gradient: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        """All E_j have one gradient; the array returned for them is (1, n, d')."""
        if self.transform is None:
            return gradient[None], []
        return (gradient @ self.transform.T)[None], [cache.T @ gradient]


@dataclass
class LstmState:
    """h and m after some steps, and Σ h so far; float32 (n, d') each."""

    hidden: FloatArray
    memory: FloatArray
    total: FloatArray

    @classmethod
    def start(cls, n_rows: int, code_dim: int) -> LstmState:
        """Zeros."""
        zeros = np.zeros((n_rows, code_dim), dtype=np.float32)
        return cls(zeros, zeros, zeros)


@dataclass
class _Step:
    """What one step keeps for back-propagation."""

    hidden_before: FloatArray
    memory_before: FloatArray
    gates: FloatArray  # (n, 4, d'): f, i, o, and tanh of the new memory's input
    squashed: FloatArray  # tanh(m)


@dataclass
class LstmComposition:
    """v = (Σ_j h_j)ᵀ H, with h_j the outputs of an LSTM that reads one code embedding a step.

    [Chen 2017, §2.2] (which calls the cell m and its input gate's name i):

        f, i, o = σ(E_j + U_{f,i,o} h + b_{f,i,o}),  m ← f ∘ m + i ∘ tanh(E_j + U_m h + b_m),  h = o ∘ tanh(m).

    The same embedding enters all four; there is no input matrix.

    Attributes:
        recurrent: U_f, U_i, U_o, U_m side by side, transposed: float32 (d', 4·d').
        bias: b_f, b_i, b_o, b_m: float32 (4·d',).
        transform: H, float32 (d', d).
    """

    recurrent: FloatArray
    bias: FloatArray
    transform: FloatArray
    code_dim: int = field(init=False)

    def __post_init__(self) -> None:
        self.code_dim = len(self.recurrent)

    @classmethod
    def random(cls, code_dim: int, dim: int, rng: np.random.Generator) -> LstmComposition:
        """Uniform weights in ±1/√d', no bias."""
        bound = 1 / math.sqrt(code_dim)
        return cls(
            rng.uniform(-bound, bound, (code_dim, 4 * code_dim)).astype(np.float32),
            np.zeros(4 * code_dim, dtype=np.float32),
            rng.uniform(-bound, bound, (code_dim, dim)).astype(np.float32),
        )

    @property
    def parameters(self) -> list[FloatArray]:
        """U, b, H."""
        return [self.recurrent, self.bias, self.transform]

    def step(self, state: LstmState, embedded: FloatArray) -> tuple[LstmState, _Step]:
        """Read one code embedding a row, float32 (n, d')."""
        before = state.hidden @ self.recurrent
        before += self.bias
        gates = before.reshape(len(embedded), 4, self.code_dim)
        gates += embedded[:, None, :]
        gates[:, :3] *= 0.5  # σ(x) = (1 + tanh(x/2)) / 2: one tanh for all four
        np.tanh(gates, out=gates)
        gates[:, :3] += 1
        gates[:, :3] *= 0.5
        memory = gates[:, 0] * state.memory
        memory += gates[:, 1] * gates[:, 3]
        squashed = np.tanh(memory)
        hidden = gates[:, 2] * squashed
        after = LstmState(hidden, memory, state.total + hidden)
        return after, _Step(state.hidden, state.memory, gates, squashed)

    def forward(self, embedded: FloatArray) -> tuple[FloatArray, tuple[FloatArray, list[_Step]]]:
        """Run the recurrence over all D embeddings."""
        state = LstmState.start(embedded.shape[1], self.code_dim)
        steps = []
        for each in embedded:
            state, step = self.step(state, each)
            steps.append(step)
        return state.total @ self.transform, (state.total, steps)

    def backward(
        self, cache: tuple[FloatArray, list[_Step]], gradient: FloatArray
    ) -> tuple[FloatArray, list[FloatArray]]:
        """Back-propagate through the D steps."""
        total, steps = cache
        d_total = gradient @ self.transform.T
        d_recurrent, d_bias = np.zeros_like(self.recurrent), np.zeros_like(self.bias)
        d_embedded = np.empty((len(steps), *d_total.shape), dtype=np.float32)
        d_hidden, d_memory = np.zeros_like(d_total), np.zeros_like(d_total)
        for j in range(len(steps) - 1, -1, -1):
            step = steps[j]
            f, i, o, g = (step.gates[:, gate] for gate in range(4))
            d_hidden = d_hidden + d_total
            d_memory = d_memory + d_hidden * o * (1 - step.squashed**2)
            d_gates = np.stack(
                [
                    d_memory * step.memory_before * f * (1 - f),
                    d_memory * g * i * (1 - i),
                    d_hidden * step.squashed * o * (1 - o),
                    d_memory * i * (1 - g**2),
                ],
                axis=1,
            )
            d_embedded[j] = d_gates.sum(axis=1)
            flat = d_gates.reshape(len(d_gates), -1)
            d_recurrent += step.hidden_before.T @ flat
            d_bias += flat.sum(axis=0)
            d_hidden = flat @ self.recurrent.T
            d_memory = d_memory * f
        return d_embedded, [d_recurrent, d_bias, total.T @ gradient]


def embed(codebooks: FloatArray, codes: NDArray[np.unsignedinteger]) -> FloatArray:
    """Return E: W^j_{c_j} for each j and row, float32 (D, n, d')."""
    return np.stack([codebook[codes[:, j]] for j, codebook in enumerate(codebooks)])
