"""A classifier of texts: convolutions over the vectors of their words [Liao 2020, §5.4]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from embcomp.progress import Progress, no_progress
from embcomp.torch.straight_through import clamp, param_groups

WIDTH = 3  # words under a filter
NO_WORD = -1
EVALUATED_AT_ONCE = 500  # texts


class TextClassifier(nn.Module):
    """Embedding, 250 filters over three words, the maximum over places, 250 hidden units, one logit.

    As in the paper, there is dropout behind the embedding and the hidden layer.

    Args:
        embedding: rows of words, int64 of any shape → vectors; knows its ``embedding_dim``.
        filters: of the convolution, and hidden units.
        dropout: share of numbers that are dropped in training.
    """

    def __init__(self, embedding: nn.Module, *, filters: int = 250, dropout: float = 0.2) -> None:
        super().__init__()
        self.embedding, self.dropout = embedding, dropout
        self.convolution = nn.Conv1d(embedding.embedding_dim, filters, WIDTH, padding=WIDTH - 1)
        self.hidden = nn.Linear(filters, filters)
        self.output = nn.Linear(filters, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Return logits, shape (n,).

        Args:
            rows: of the words of n texts, int64, shape (n, length); −1 is no word, or an unknown one: zeros.
        """
        vectors = self.embedding(rows.clamp(min=0)) * (rows != NO_WORD)[..., None]
        vectors = functional.dropout(vectors, self.dropout, self.training)
        maxima = functional.relu(self.convolution(vectors.transpose(1, 2))).amax(dim=2)
        hidden = functional.relu(functional.dropout(self.hidden(maxima), self.dropout, self.training))
        logits: Tensor = self.output(hidden).squeeze(1)
        return logits

    def fit(
        self,
        rows: Tensor,
        labels: Tensor,
        *,
        epochs: int = 5,
        batch_size: int = 50,
        rate: float = 1e-3,
        latent_rate: float = 1e-3,
        random_state: int = 0,
        progress: Progress = no_progress,
    ) -> None:
        """Train with Adam on cross-entropy; what does not learn is left as it is.

        Args:
            rows: as in :meth:`forward`.
            labels: 0 or 1, shape (n,).
            epochs, batch_size: passes over the texts, and texts of a step.
            rate, latent_rate: learning rates, and of what codes are made of.
            random_state: seed of the order of texts and of dropout.
            progress: called after each epoch.
        """
        latent, rest = param_groups(self)
        groups = [{"params": rest, "lr": rate}, {"params": latent, "lr": latent_rate}]
        optimizer = torch.optim.Adam([group for group in groups if group["params"]])
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(random_state)
            for epoch in range(epochs):
                self.train()
                for batch in torch.randperm(len(rows)).split(batch_size):
                    loss = functional.binary_cross_entropy_with_logits(
                        self(trimmed(rows[batch])), labels[batch].float()
                    )
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    clamp(self)
                progress("train", epoch + 1, epochs)
        self.eval()

    def accuracy(self, rows: Tensor, labels: Tensor) -> float:
        """Share of the texts whose label is predicted."""
        self.eval()
        with torch.no_grad():
            logits = torch.cat([self(trimmed(part)) for part in rows.split(EVALUATED_AT_ONCE)])
        return float(((logits > 0) == (labels == 1)).double().mean())


def text_rows(texts: Sequence[str], rows: Mapping[str, int]) -> Tensor:
    """Return the rows of the words of n texts, split at white space, int64, shape (n, words of the longest)."""
    known = [[rows.get(word, NO_WORD) for word in text.split()] for text in texts]
    result = torch.full((len(known), max(map(len, known), default=0)), NO_WORD)
    for row, each in zip(result, known, strict=True):
        row[: len(each)] = torch.tensor(each, dtype=torch.int64)
    return result


def trimmed(rows: Tensor) -> Tensor:
    """Leave out the places at the end where no text has a word."""
    used = (rows != NO_WORD).any(dim=0).nonzero()
    return rows[:, : int(used.max()) + 1] if len(used) else rows[:, :1]
