"""Adam [Kingma 2015, Algorithm 1], on numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embcomp.arrays import AnyArray
from embcomp.errors import ParameterError


class Adam:
    """Moves parameters against their gradients, in place, each number by about ``lr`` a step.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  θ ← θ − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).

    Defaults are those of the paper's Algorithm 1, which are PyTorch's too. Moments are kept in the dtype of their
    parameter; a step allocates one array of the size of the largest parameter at most.

    Attributes:
        parameters: the arrays, changed in place by :meth:`step`; usually float32.
        lr: learning rate; may be changed between steps.
        t: steps taken.
    """

    def __init__(
        self,
        parameters: Sequence[AnyArray],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.t = 0
        self._first = [np.zeros_like(parameter) for parameter in self.parameters]
        self._second = [np.zeros_like(parameter) for parameter in self.parameters]

    def step(self, gradients: Sequence[AnyArray]) -> None:
        """Take one step; ``gradients`` have the shapes of the parameters and are left alone.

        Raises:
            ParameterError: there are more or fewer gradients than parameters.
        """
        if len(gradients) != len(self.parameters):
            raise ParameterError(f"adam: {len(self.parameters)} parameters, but {len(gradients)} gradients")
        self.t += 1
        states = zip(self.parameters, gradients, self._first, self._second, strict=True)
        for parameter, gradient, first, second in states:
            self._move(parameter, gradient, first, second)

    def _move(self, parameter: AnyArray, gradient: AnyArray, first: AnyArray, second: AnyArray) -> None:
        beta1, beta2 = self.betas
        work = np.multiply(gradient, 1 - beta1, dtype=parameter.dtype)
        first *= beta1
        first += work
        np.multiply(gradient, gradient, out=work)
        work *= 1 - beta2
        second *= beta2
        second += work
        np.sqrt(second, out=work)
        work /= float(np.sqrt(1 - beta2**self.t))
        work += self.eps
        np.divide(first, work, out=work)
        work *= self.lr / (1 - beta1**self.t)
        parameter -= work
