"""Training and evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from embcomp.errors import InputError
from embcomp.files import replacing
from embcomp.progress import Progress, no_progress
from embcomp.torch.binary import BinaryMatrix
from embcomp.torch.lm.corpus import streams
from embcomp.torch.lm.model import LanguageModel, PrunedTable
from embcomp.torch.lm.systems import Recipe
from embcomp.torch.straight_through import CodeLayer

STEPS_BETWEEN_CHECKPOINTS = 500
PLAIN = ("state", "step", "loss", "seconds", "epochs")  # what a checkpoint has as it is
EVALUATED_AT_ONCE = 500  # words: 20 MB of logits for a vocabulary of 10,000


class Training:
    """A model that is being trained; what it needs to go on after a kill is in :meth:`state_dict`.

    ``counts`` are how often each word is in the text, ``ids`` the text: rows of words, int64.
    """

    def __init__(self, model: LanguageModel, recipe: Recipe, counts: tuple[int, ...], ids: Tensor) -> None:
        self.model, self.recipe = model, recipe
        self.data = streams(ids, recipe.streams)
        self.sampler = Sampler(counts, recipe.sampled, recipe.streams * recipe.time)
        self.generator = torch.Generator().manual_seed(recipe.random_state)
        self.optimizers = optimizers(model, recipe)
        self.state = model.start(recipe.streams)
        self.step, self.loss, self.seconds = 0, 0.0, 0.0
        self.epochs: list[dict[str, float]] = []

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the text."""
        return -(-(len(self.data) - 1) // int(self.recipe.time))

    def run(self, valid: Tensor, checkpoint: Path | None = None, progress: Progress = no_progress) -> None:
        """Train to the end, from wherever this is; ``seconds`` is processor time, that of evaluation among it."""
        n_steps = self.steps_per_epoch * self.recipe.epochs
        clock = time.process_time() - self.seconds
        while self.step < n_steps:
            self._advance(n_steps)
            last = self.step % self.steps_per_epoch == 0
            if last:
                record = {"train_loss": self.loss / self.steps_per_epoch, "valid": perplexity(self.model, valid)}
                self.epochs.append(record | {"cpu_seconds": time.process_time() - clock})
            self.seconds = time.process_time() - clock
            progress("train", self.step, n_steps, self._note())
            if checkpoint is not None and (last or self.step % STEPS_BETWEEN_CHECKPOINTS == 0):
                with replacing(checkpoint, force=True) as file:
                    torch.save(self.state_dict(), file)

    def _advance(self, n_steps: int) -> None:
        """One batch."""
        start = self.step % self.steps_per_epoch * self.recipe.time
        if not start:
            self.state, self.loss = self.model.start(self.recipe.streams), 0.0
        targets = self.data[start + 1 : start + 1 + self.recipe.time]
        loss = self._loss(self.data[start : start + len(targets)], targets)
        self.model.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            (group,) = optimizer.param_groups
            group["lr"] = group["full_rate"] * rate_at(self.step / n_steps)
            if isinstance(optimizer, torch.optim.SGD):
                clip_gradients(group["params"], self.recipe.clip)
            optimizer.step()
        for module in self.model.modules():
            if isinstance(module, CodeLayer | PrunedTable):
                module.clamp()
        self.step += 1
        self.loss += loss.item()

    def _loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy over the sampled words; the state goes on, without its gradient."""
        hidden, state = self.model.hidden(ids, self.state, self.generator)
        self.state = (state[0].detach(), state[1].detach())
        words, places, log_inclusion = self.sampler.draw(targets.flatten(), self.generator)
        logits = self.model.logits(hidden.flatten(0, 1), words) - log_inclusion
        return functional.cross_entropy(logits, places)

    def _note(self) -> str:
        done = (self.step - 1) % self.steps_per_epoch + 1
        valid = f", valid {self.epochs[-1]['valid']:.1f}" if self.epochs else ""
        return f"loss {self.loss / done:.3f}{valid}"

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "recipe": self.recipe.get_config(),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "generator": self.generator.get_state(),
            **{name: getattr(self, name) for name in PLAIN},
        }

    def load(self, checkpoint: Path) -> None:
        """Go on from a checkpoint; ``InputError`` if it was made with other options, or is none."""
        try:
            saved = torch.load(checkpoint, weights_only=True)
        except (OSError, EOFError, KeyError, RuntimeError, UnpicklingError) as error:
            raise InputError(f"{checkpoint}: cannot be read, remove it to begin again: {error}") from error
        own = self.recipe.get_config()
        other = [name for name in own if saved["recipe"].get(name) != own[name]]
        if other:
            was = ", ".join(f"{name} {saved['recipe'].get(name)!r}, not {own[name]!r}" for name in other)
            raise InputError(f"{checkpoint}: the training that was interrupted had {was}; remove it to begin again")
        self.model.load_state_dict(saved["model"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.generator.set_state(saved["generator"])
        for name in PLAIN:
            setattr(self, name, saved[name])


def optimizers(model: LanguageModel, recipe: Recipe) -> list[Any]:
    """SGD for float tables, linear layers and LSTMs; Adam, which signs need, for all that stands in their place.

    Gradients of tables are sparse: the moments of the rows that a batch does not use stay as they are.
    """
    plain = [module for module in model.modules() if isinstance(module, nn.Embedding | nn.Linear | nn.LSTM)]
    tables = [module for module in model.modules() if isinstance(module, BinaryMatrix) and module.sparse]
    by_sgd = {id(each): each for module in plain for each in module.parameters(recurse=False)}
    by_row = {id(module.weight): module.weight for module in tables}
    others = {id(each): each for each in model.parameters() if id(each) not in by_sgd | by_row}
    kinds = (
        (torch.optim.SGD, by_sgd, recipe.rate),
        (torch.optim.SparseAdam, by_row, recipe.code_rate),
        (torch.optim.Adam, others, recipe.code_rate),
    )
    return [kind([{"params": list(each.values()), "full_rate": rate}], lr=rate) for kind, each, rate in kinds if each]


def rate_at(done: float) -> float:
    """The share of the learning rate after this share of the training.

    It rises over the first 5 %, stays until 23 %, and falls in a line to 2 % at the end.
    """
    return min(1.0, max(done, 1e-4) / 0.05, 1 - 0.98 * (done - 0.23) / 0.77)


def clip_gradients(parameters: list[Any], norm: float) -> None:
    """Scale gradients down to a common norm; sparse ones have each row once afterwards."""
    used = [parameter for parameter in parameters if parameter.grad is not None]
    for parameter in used:
        parameter.grad = parameter.grad.coalesce() if parameter.grad.is_sparse else parameter.grad
    parts = [each.grad._values() if each.grad.is_sparse else each.grad for each in used]
    total = torch.stack([torch.linalg.vector_norm(part) for part in parts]).norm()
    for part in parts:
        part.mul_((norm / (total + 1e-6)).clamp(max=1))


def perplexity(model: LanguageModel, ids: Tensor) -> float:
    """exp of the mean negative log-likelihood of a text's words given those before, over the whole vocabulary.

    ``ids`` are rows of words, int64, shape (n,); the first is not predicted.
    """
    state, total = model.start(1), 0.0
    with torch.no_grad():
        for inputs, targets in zip(ids[:-1].split(EVALUATED_AT_ONCE), ids[1:].split(EVALUATED_AT_ONCE), strict=True):
            hidden, state = model.hidden(inputs[:, None], state)
            total += float(functional.cross_entropy(model.logits(hidden[:, 0]), targets, reduction="sum"))
    return math.exp(total / (len(ids) - 1))


class Sampler:
    """Draws the words whose probabilities a training step computes.

    A step's words are those that its targets are, and ``n_words`` more, drawn by the square root of their frequency.
    Their logits are lowered by the logarithm of the probability of being among them, so that the sum of exponentials
    estimates that over all words (importance sampling; [Jean 2015, §3.2] has the idea). Words that are drawn twice
    count once.
    """

    def __init__(self, counts: Sequence[int], n_words: int, n_targets: int) -> None:
        frequency = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
        drawn = frequency.sqrt() / frequency.sqrt().sum()
        absent = n_targets * torch.log1p(-frequency / (frequency.sum() + 1)) + n_words * torch.log1p(-drawn)
        self.n_words = n_words
        self.cumulated = drawn.cumsum(0)
        self.log_inclusion = torch.log(-torch.expm1(absent)).float()

    def draw(self, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Words of one step, whose targets are rows, int64, shape (n,).

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
