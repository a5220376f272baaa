"""Layers as files, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import embcomp
from embcomp.container.reader import verify
from embcomp.errors import InputError, OutputError, ParameterError
from embcomp.torch import ALONEEmbedding, BinaryEmbedding, KDEmbedding, freeze

WORDS = [f"word{number}" for number in range(37)]
LAYERS: dict[str, Any] = {
    "signs": lambda: BinaryEmbedding(37, 10, linear="none"),
    "signs-float": lambda: BinaryEmbedding(37, 10),
    "signs-binary": lambda: BinaryEmbedding(37, 10, bits=19, linear="binary"),
    "kd": lambda: KDEmbedding(37, 10, ways=5, dims=3),
    "kd-transform": lambda: KDEmbedding(37, 10, ways=6, dims=3, code_dim=4),
    "kd-lstm": lambda: KDEmbedding(37, 10, ways=5, dims=3, code_dim=4, compose="lstm"),
    "alone": lambda: ALONEEmbedding(37, 10, inter=8),
    "alone-real": lambda: ALONEEmbedding(37, 10, inter=8, filter="real", columns=9, matrices=2, seed=7),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_a_file_and_the_layer_again(name: str, tmp_path: Path) -> None:
    layer = LAYERS[name]()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    first, second = tmp_path / "first.embc", tmp_path / "second.embc"
    layer.to_embc(first, WORDS)
    assert verify(first) == []
    again = type(layer).from_embc(first)
    rows = torch.arange(37)
    freeze(layer)
    assert torch.equal(again(rows), layer(rows))
    again.to_embc(second, WORDS)
    assert second.read_bytes() == first.read_bytes()
    opened = embcomp.open(first)
    offset = 0 if opened.offset is None else opened.offset
    assert opened.index_to_key[:] == WORDS
    np.testing.assert_allclose(opened.vectors[:] + offset, layer(rows).detach().numpy(), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["signs", "signs-float", "kd"])
def test_neighbours_are_found_in_the_file(name: str, tmp_path: Path) -> None:
    LAYERS[name]().to_embc(tmp_path / "table.embc", WORDS)
    opened = embcomp.open(tmp_path / "table.embc")
    vectors = opened.vectors[:]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = opened.most_similar("word3", topn=1)[0]
    others = unit @ unit[3]
    others[3] = -1
    assert found[1] == pytest.approx(others.max(), abs=1e-5)


def test_kd_codebooks_of_a_file_are_learned_on(tmp_path: Path) -> None:
    layer = LAYERS["kd"]()
    layer.to_embc(tmp_path / "kd.embc", WORDS)
    again = KDEmbedding.from_embc(tmp_path / "kd.embc", trainable=True)
    assert torch.equal(again.symbols(), layer.symbols())
    again(torch.arange(37)).sum().backward()
    assert again.codebooks.grad.abs().sum() > 0


def test_a_frozen_kd_state_is_loaded_into_a_new_layer() -> None:
    layer, other, third = (LAYERS["kd"]() for _ in range(3))
    other.load_state_dict(layer.fix_codes().state_dict())
    assert torch.equal(other(torch.arange(37)), layer(torch.arange(37)))
    third.load_state_dict(layer.freeze().state_dict())
    assert torch.equal(third(torch.arange(37)), layer(torch.arange(37)))


def test_refusals(tmp_path: Path) -> None:
    path = tmp_path / "table.embc"
    layer = LAYERS["signs"]()
    with pytest.raises(InputError, match="there must be a word for each of 37 rows, got 36"):
        layer.to_embc(path, WORDS[:-1])
    layer.to_embc(path, WORDS)
    with pytest.raises(OutputError):
        layer.to_embc(path, WORDS)
    layer.to_embc(path, WORDS, force=True)
    with pytest.raises(ParameterError, match="its method must be 'kd', got 'binary'"):
        KDEmbedding.from_embc(path)
    vectors = np.random.default_rng(0).standard_normal((37, 10)) + 1
    for method, kind in (("kd", KDEmbedding), ("alone", ALONEEmbedding)):
        embcomp.compress(WORDS, vectors, method).save(tmp_path / f"{method}.embc")
        with pytest.raises(ParameterError, match=r"`embcomp.torch.load` reads it"):
            kind.from_embc(tmp_path / f"{method}.embc")
