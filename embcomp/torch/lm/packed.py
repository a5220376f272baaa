"""The folder of a trained model.

========================= ============================================================================================
``lm.json``               options, perplexities, bytes
``input.embc``            the input table and its words, where it is compressed
``input.npy, words.txt``  the same where it is float32
``model.safetensors``     everything else: signs in packed bits, numbers as float32
========================= ============================================================================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from embcomp.container.description import describe
from embcomp.container.reader import open_container
from embcomp.documents import BadDocumentError, parse_document
from embcomp.errors import InputError
from embcomp.files import replacing
from embcomp.plugins import extra
from embcomp.torch import ALONEEmbedding, BinaryEmbedding, KDEmbedding, freeze
from embcomp.torch.binary import BinaryMatrix
from embcomp.torch.lm.model import LanguageModel
from embcomp.torch.lm.systems import Recipe, build
from embcomp.torch.table import CompressedEmbedding

FACTS, TABLE, FLOATS, WORDS, REST = "lm.json", "input.embc", "input.npy", "words.txt", "model.safetensors"
KINDS: dict[str, Any] = {"belm": BinaryEmbedding, "bllm": BinaryEmbedding, "kd": KDEmbedding, "alone": ALONEEmbedding}


def save_model(model: LanguageModel, words: tuple[str, ...], folder: Path) -> None:
    """Write a model; what codes are made of is dropped, and the packed codes are kept."""
    freeze(model)
    if isinstance(model.source, nn.Embedding):
        with replacing(folder / FLOATS, force=True) as file:
            np.save(file, model.source.weight.detach().numpy())
        with replacing(folder / WORDS, force=True) as file:
            file.writelines(f"{word}\n".encode() for word in words)
    elif isinstance(model.source, CompressedEmbedding):
        model.source.to_embc(folder / TABLE, force=True)
    else:
        model.source.to_embc(folder / TABLE, words, force=True)
    with replacing(folder / REST, force=True) as file:
        file.write(extra("safetensors.torch", "torch").save(_beside_the_table(model)))


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write the page of facts, which makes a folder a model's."""
    with replacing(folder / FACTS, force=True) as file:
        file.write(json.dumps(facts, indent=1).encode())


def load_model(folder: Path) -> tuple[LanguageModel, tuple[str, ...], dict[str, Any]]:
    """Read a model, its words and its facts; its logits are those of the model that was saved, to the bit.

    Raises:
        InputError: the folder has no model, or not all of it.
        ContainerError: its ``.embc`` file is refused.
    """
    safetensors = extra("safetensors", "torch")
    try:
        facts = parse_document((folder / FACTS).read_bytes())
        recipe = Recipe.from_config(facts["recipe"])
        source, words = _table(folder, recipe)
        model = build(recipe, len(words), source)
        freeze(model)
        _fill(model, extra("safetensors.torch", "torch").load((folder / REST).read_bytes()))
    except OSError as error:
        raise InputError(f"{folder}: has no language model: {error.filename}: {error.strerror}") from error
    except (BadDocumentError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(f"{folder}: has a language model that cannot be read: {reason}") from error
    return model, words, facts


def _fill(model: LanguageModel, tensors: dict[str, Tensor]) -> None:
    """Give a model what is not in its input table."""
    other = _beside_the_table(model).keys() ^ tensors.keys()
    if other:
        raise ValueError(f"{REST} has, or lacks, {min(other)!r}")
    model.load_state_dict(tensors, strict=False)


def paper_bytes(model: LanguageModel) -> int:
    """Size of a model that is not frozen as Table 1 of [Liu 2018] counts: 4 bytes a number, a bit a sign.

    Words are not counted, nor the symbols of ``kd`` [Chen 2017, Table 1], nor the second of the two biases that torch
    gives an LSTM.
    """
    numbers = {name: each.numel() for name, each in model.named_parameters() if name != "lstm.bias_hh_l0"}
    matrices = {id(each): each for each in model.modules() if isinstance(each, BinaryMatrix)}.values()
    n_signs = sum(each.n_rows * each.n_columns for each in matrices)
    n_bytes: int = 4 * (sum(numbers.values()) - n_signs) + n_signs // 8
    return n_bytes


def table_bytes(model: LanguageModel, folder: Path) -> int:
    """Size of all that the vectors of a packed model's input table are made of, without its words."""
    if isinstance(model.source, nn.Embedding):
        return 4 * int(model.source.weight.numel())
    sizes = describe(folder / TABLE)["bytes"]
    return int(sizes["codes"] + sizes["state"])


def folder_bytes(folder: Path) -> int:
    """Size of the files of a packed model, without the page of facts."""
    files = (folder / name for name in (TABLE, FLOATS, WORDS, REST))
    return sum(file.stat().st_size for file in files if file.exists())


def _beside_the_table(model: LanguageModel) -> dict[str, Tensor]:
    """Tensors of a model that are not its input table's, tied or not."""
    state = model.state_dict()
    table = {tensor.data_ptr() for name, tensor in state.items() if name.startswith("source.")}
    return {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith("source.") and tensor.data_ptr() not in table
    }


def _table(folder: Path, recipe: Recipe) -> tuple[Any, tuple[str, ...]]:
    """The input table and its words."""
    if recipe.system in ("float", "prune"):
        words = tuple((folder / WORDS).read_text(encoding="utf-8").split("\n")[:-1])
        weights = torch.from_numpy(np.load(folder / FLOATS))
        return nn.Embedding.from_pretrained(weights, freeze=False, sparse=True), words
    encoded, kind = open_container(folder / TABLE), KINDS.get(recipe.system)
    source = CompressedEmbedding(encoded) if kind is None else kind.from_embc(folder / TABLE)
    return source, tuple(encoded.words)
