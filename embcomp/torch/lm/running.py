"""What the commands do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from embcomp.errors import InputError, OutputError, ParameterError
from embcomp.progress import Progress, no_progress
from embcomp.torch.lm.corpus import Lexicon
from embcomp.torch.lm.model import LanguageModel, Output
from embcomp.torch.lm.packed import (
    FACTS,
    folder_bytes,
    load_model,
    paper_bytes,
    save_model,
    table_bytes,
    write_facts,
)
from embcomp.torch.lm.systems import Recipe, build, given_source
from embcomp.torch.lm.training import Training, perplexity

CHECKPOINT = "checkpoint.pt"


class Texts(NamedTuple):
    """Files with one sentence a line."""

    train: Path
    valid: Path
    test: Path | None


def train(
    recipe: Recipe,
    texts: Texts,
    folder: Path,
    start: Path | None = None,
    given: Path | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Train a model, or go on training one, and write it to a folder.

    Args:
        recipe, texts, folder: its options, what is read, and what the model and meanwhile the checkpoint go to.
        start: a model with the same words, whose LSTM and float32 tables are taken to start with.
        given: the ``.embc`` file of the systems that need one.
        progress: called after each batch.

    Returns:
        The facts that are in the folder's ``lm.json``. ``test`` is the perplexity of the packed model; of its bytes,
        ``input`` are the input table's without its words, ``paper`` the whole as :func:`paper_bytes` counts, and
        ``files`` the folder's.

    Raises:
        OutputError: the folder has a model already.
    """
    if (folder / FACTS).exists():
        raise OutputError(f"{folder}: has a model already, expected another folder")
    lexicon = Lexicon.of(texts.train, None if recipe.words == "all" else recipe.words)
    model = build(recipe, len(lexicon.words), given_source(recipe, given, lexicon.words))
    _begin(model, recipe, lexicon, start)
    valid, test = lexicon.ids(texts.valid), None if texts.test is None else lexicon.ids(texts.test)
    training = Training(model, recipe, lexicon.counts, lexicon.ids(texts.train))
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CHECKPOINT).exists():
        training.load(folder / CHECKPOINT)
    training.run(valid, folder / CHECKPOINT, progress)
    paper = paper_bytes(model)
    save_model(model, lexicon.words, folder)
    table = table_bytes(model, folder)
    paper += table if recipe.system == "embc" else 0  # which is no parameter
    facts = {
        "recipe": recipe.get_config(),
        "words": len(lexicon.words),
        "epochs": training.epochs,
        "test": None if test is None else perplexity(model, test),
        "cpu_seconds": training.seconds,
        "bytes": {"input": table, "paper": paper, "files": folder_bytes(folder)},
    }
    write_facts(folder, facts)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return facts


def evaluate(folder: Path, text: Path, given: Path | None = None) -> dict[str, Any]:
    """Measure a model on a text, with its own input table or with that of an ``.embc`` file.

    Raises:
        InputError: the file has other words than the model.
    """
    model, words, facts = load_model(folder)
    if given is not None:
        model.source = given_source(Recipe(**facts["recipe"] | {"system": "embc", "tied": False}), given, words)
    lexicon = Lexicon(words, (1,) * len(words))
    return {"model": str(folder), "text": str(text), "perplexity": perplexity(model, lexicon.ids(text))}


def _begin(model: LanguageModel, recipe: Recipe, lexicon: Lexicon, start: Path | None) -> None:
    """Take weights of another model."""
    if start is None and recipe.system == "prune":
        raise ParameterError("the system 'prune' needs a trained model: `start`")
    if start is None:
        return
    other, words, facts = load_model(start)
    if words != lexicon.words or facts["recipe"]["hidden"] != recipe.hidden:
        raise InputError(f"{start}: has other words or another `hidden` than the model to be trained")
    if not (isinstance(model.target, Output) and isinstance(other.target, Output)):
        systems = f"{facts['recipe']['system']!r} for {recipe.system!r}"
        raise ParameterError(f"`start` is for systems with a float32 LSTM and output table, got {systems}")
    model.lstm.load_state_dict(other.lstm.state_dict())
    model.target.table.weight.data.copy_(other.target.table.weight.data)
    if isinstance(model.source, nn.Embedding) and isinstance(other.source, nn.Embedding):
        model.source.weight.data.copy_(other.source.weight.data)
    if recipe.system == "prune":
        for table in {model.source, model.target.table}:
            table.prune(recipe.fraction)
