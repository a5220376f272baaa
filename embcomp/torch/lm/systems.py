"""What a language model is made of, and how it is trained; the tables and the LSTM of each system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from embcomp import bits
from embcomp.checks import Boolean, Either, Integer, OneOf, Real, option
from embcomp.compressors.config import Configurable
from embcomp.compressors.kd import KdCompressor
from embcomp.container.reader import open_container
from embcomp.errors import InputError, ParameterError
from embcomp.torch import ALONEEmbedding, BinaryEmbedding, BinaryLSTM, KDEmbedding
from embcomp.torch.binary import BinaryMatrix
from embcomp.torch.lm.model import LanguageModel, Output, PrunedTable
from embcomp.torch.table import CompressedEmbedding

SYSTEMS = ("float", "belm", "bllm", "kd", "alone", "embc", "prune")
TIED = ("float", "belm", "bllm", "prune")
GIVEN = ("kd", "embc")


class Recipe(Configurable):
    """All options of a training; the defaults suit the Penn Treebank. ``docs/models.md`` describes the systems."""

    name = "lm"

    system = option(OneOf(*SYSTEMS), "what tables and LSTM are made of", default="float")
    tied = option(Boolean(), "the output table is the input table", default=False)
    hidden = option(Integer(1, 65536), "numbers of a word's vector and of the LSTM's state", default=200)
    compose = option(OneOf("linear", "lstm"), "how 'kd' makes a vector of codes", default="linear")
    inter = option(Integer(1, 10**7), "hidden units of the network of 'alone'", default=1024)
    filter = option(OneOf("binary", "real"), "filters of 'alone'", default="binary")
    fraction = option(Real(0, 1), "share of a table's numbers that 'prune' sets to 0", default=0.95)
    epochs = option(Integer(0, 10**6), "passes over the text", default=4)
    streams = option(Integer(1, 10**6), "places in the text that are read at once", default=20)
    time = option(Integer(1, 10**6), "words of each place in a batch", default=35)
    rate = option(Real(0), "learning rate of SGD on a batch's mean loss", default=20.0)
    code_rate = option(Real(0), "learning rate of Adam, for what stands in the place of float32 layers", default=4e-3)
    clip = option(Real(0), "largest norm of the gradients of SGD", default=0.25)
    dropout = option(Real(0, 1), "share of the dimensions before and behind the LSTM that are set to 0", default=0.1)
    sampled = option(Integer(0), "words in a batch's loss beside its targets", default=512)
    words = option(Either(Integer(1), OneOf("all")), "size of the vocabulary at most", default="all")
    random_state = option(Integer(0, 2**32 - 1), "seed of all randomness", default=0, role="seed")


def build(recipe: Recipe, n_words: int, source: Any = None) -> LanguageModel:
    """Make a model whose weights are drawn from the seed; ``source`` is its input table, if there is one already.

    Raises:
        ParameterError: an option is not allowed, or does not go with the system.
    """
    recipe.check_config()
    if recipe.tied and recipe.system not in TIED:
        raise ParameterError(f"`tied` is for the systems {', '.join(TIED)}, got {recipe.system!r}")
    with seeded(recipe.random_state):
        source = _source(recipe, n_words) if source is None else source
        if recipe.system in ("belm", "bllm"):
            return _binary(recipe, source)
        target = Output(source if recipe.tied else _table(recipe, n_words))
        return LanguageModel(source, _narrow(nn.LSTM(recipe.hidden, recipe.hidden)), target, dropout=recipe.dropout)


def given_source(recipe: Recipe, path: Path | None, words: tuple[str, ...]) -> Any:
    """Make the input table of the systems ``kd`` and ``embc`` from a file; ``None`` for the others, without a file.

    Raises:
        ParameterError: the system needs a file, or takes none, or not one of that method.
        InputError: the file has other words than the text.
    """
    if (path is not None) != (recipe.system in GIVEN):
        raise ParameterError(
            f"`given` is for the systems {' and '.join(GIVEN)}, which need it, got {recipe.system!r}"
        )
    if path is None:
        return None
    encoded = open_container(path)
    if tuple(encoded.words) != words:
        raise InputError(f"{path}: must have the {len(words)} words of the text in descending order of frequency")
    if encoded.dim != recipe.hidden:
        raise InputError(f"{path}: must have {recipe.hidden} dimensions, as `hidden` says, got {encoded.dim}")
    if recipe.system == "embc":
        return CompressedEmbedding(encoded)
    if not isinstance(encoded.compressor, KdCompressor):
        raise InputError(f"{path}: must be of the method 'kd', got {encoded.compressor.name!r}")
    with seeded(recipe.random_state):
        return _relearned(encoded.compressor, encoded.codes.all_of_one_width, recipe)


def _relearned(kd: KdCompressor, codes: Any, recipe: Recipe) -> KDEmbedding:
    """Take the codes of a file, and new codebooks."""
    symbols = bits.unpack_symbols(codes, kd.layout.symbols, kd.layout.symbol_bits).astype(np.int64)
    sizes: dict[str, Any] = {"ways": kd.ways, "dims": symbols.shape[1], "compose": recipe.compose}
    return KDEmbedding(len(symbols), recipe.hidden, codes=symbols, **sizes)


@contextmanager
def seeded(random_state: int) -> Iterator[None]:
    """Draw what layers draw from a seed; the state of torch's own generator comes back after it."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(random_state)
        yield


def _binary(recipe: Recipe, source: BinaryEmbedding) -> LanguageModel:
    """BELM or BLLM: a linear layer behind the input table, and another in front of the output table."""
    size = recipe.hidden
    target = source.as_output(_kind(recipe))
    if not recipe.tied:
        target.matrix = BinaryMatrix(source.num_embeddings, size, sparse=True)
    lstm = _narrow(nn.LSTM(size, size)) if recipe.system == "belm" else BinaryLSTM(size, size)
    return LanguageModel(source, lstm, target, dropout=recipe.dropout)


def _source(recipe: Recipe, n_words: int) -> Any:
    if recipe.system in ("belm", "bllm"):
        return BinaryEmbedding(n_words, recipe.hidden, linear=_kind(recipe), sparse=True)
    if recipe.system == "alone":
        return ALONEEmbedding(
            n_words, recipe.hidden, inter=recipe.inter, filter=recipe.filter, seed=recipe.random_state
        )
    return _table(recipe, n_words)


def _kind(recipe: Recipe) -> str:
    return "float" if recipe.system == "belm" else "binary"


def _table(recipe: Recipe, n_words: int) -> nn.Embedding:
    """A float32 table, uniform in ±0.1, whose gradient has the rows only that were used."""
    weights = nn.init.uniform_(torch.empty(n_words, recipe.hidden), -0.1, 0.1)
    kind = PrunedTable if recipe.system == "prune" else nn.Embedding
    return kind.from_pretrained(weights, freeze=False, sparse=True)


def _narrow(lstm: nn.LSTM) -> nn.LSTM:
    """An LSTM with weights uniform in ±0.1."""
    for parameter in lstm.parameters():
        nn.init.uniform_(parameter, -0.1, 0.1)
    return lstm
