"""The loss over a sample of the words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Sampler:
    """Draws the words whose probabilities a training step computes.

    A step's words are those that its targets are, and ``n_words`` more, drawn by the square root of their frequency.
    Their logits are lowered by the logarithm of the probability of being among them, so that the sum of exponentials
    estimates that over all words (importance sampling; [Jean 2015, §3.2] has the idea).

    Attributes:
        n_words: how many are drawn; some are drawn twice, and count once.
    """

    def __init__(self, counts: Sequence[int], n_words: int, n_targets: int) -> None:
        frequency = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
        drawn = frequency.sqrt() / frequency.sqrt().sum()
        absent = n_targets * torch.log1p(-frequency / (frequency.sum() + 1)) + n_words * torch.log1p(-drawn)
        self.n_words = n_words
        self.cumulated = drawn.cumsum(0)
        self.log_inclusion = torch.log(-torch.expm1(absent)).float()

    def draw(self, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Words of one step.

        Args:
            targets: rows, int64, shape (n,).
            generator: source of randomness.

        Returns:
            The words (int64, ascending), the position in them of each target, and the logarithm of each word's
            probability of being among them.
        """
        if self.n_words >= len(self.cumulated):
            words = torch.arange(len(self.cumulated))
            return words, targets, torch.zeros(len(words))
        uniform = torch.rand(self.n_words, dtype=torch.float64, generator=generator)
        drawn = torch.searchsorted(self.cumulated, uniform * self.cumulated[-1]).clamp_(max=len(self.cumulated) - 1)
        words = torch.unique(torch.cat([targets, drawn]))
        return words, torch.searchsorted(words, targets), self.log_inclusion[words]
