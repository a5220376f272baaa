"""The language model: an input table, an LSTM, and a softmax over an output table."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class LanguageModel(nn.Module):
    """Predicts each word from those before it [Liu 2018, §3.1], whatever tables and layers it has.

    Args:
        source: rows of words → their vectors, float32.
        lstm: one layer, called and answering as ``torch.nn.LSTM`` does.
        target: called with hidden vectors and rows of words, or ``None`` for all, and giving logits.
        dropout: share of dimensions that training sets to zero, the same ones at each time step of a batch.
    """

    def __init__(self, source: nn.Module, lstm: nn.Module, target: nn.Module, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.source, self.lstm, self.target = source, lstm, target
        self.dropout = dropout

    def hidden(self, ids: Tensor, state: State, generator: torch.Generator | None = None) -> tuple[Tensor, State]:
        """Hidden vectors, from which the next words are predicted.

        Args:
            ids: rows of words, int64, shape (time, streams).
            state: the LSTM's h and c, each of shape (1, streams, hidden).
            generator: source of randomness of dropout; there is none without it.

        Returns:
            Vectors of shape (time, streams, hidden), and the state after the last word.
        """
        vectors, state = self.lstm(self._dropped(self.source(ids), generator), state)
        return self._dropped(vectors, generator), state

    def logits(self, hidden: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits of the words that may come next: of all, or of ``rows``; shape (…, words)."""
        result: Tensor = self.target(hidden, rows)
        return result

    def start(self, n_streams: int) -> State:
        """The state before the first word, zeros."""
        zeros = torch.zeros(1, n_streams, self.lstm.hidden_size)
        return zeros, zeros

    def _dropped(self, vectors: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None or not self.dropout:
            return vectors
        kept = torch.rand(vectors.shape[1:], generator=generator) >= self.dropout
        return vectors * (kept / (1 - self.dropout))


class Output(nn.Module):
    """Logits as inner products with the vectors of a table, which may be the input's."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table

    def forward(self, hidden: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits of all words, or of ``rows``."""
        return hidden @ (self.table.weight if rows is None else self.table(rows)).t()


class PrunedTable(nn.Embedding):
    """A table most of whose numbers stay 0: where ``kept``, a buffer with the shape of the table, is not set."""

    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.register_buffer("kept", torch.ones_like(self.weight, dtype=torch.bool))

    def prune(self, fraction: float) -> None:
        """Set this share of the numbers to 0, the smallest ones."""
        order = self.weight.detach().abs().flatten().argsort()
        self.kept.view(-1)[order[: int(fraction * len(order))]] = False
        self.clamp()

    def clamp(self) -> None:
        """Set them to 0 again."""
        with torch.no_grad():
            self.weight.mul_(self.kept)
