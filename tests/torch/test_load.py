"""Files as layers: every method, against the NumPy reader."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import embcomp
from embcomp import kernels
from embcomp.errors import MissingWordError, ParameterError
from embcomp.torch import BinaryEmbedding, CompressedEmbedding, load
from tests.test_fixtures import FIXTURES, FOLDER

each_fixture = pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
KINDS = ["sign", "itq", "iiq-graded", "nlb", "transform", "additive", "kd", "kd-lstm", "alone", "prune", "dccl"]
each_kind = pytest.mark.parametrize("kind", KINDS)


def opened(kind: str, **options: Any) -> CompressedEmbedding:
    return load(FOLDER / f"v1-{kind}.embc", **options)


def original(path: Path) -> np.ndarray:
    vectors = embcomp.open(path)
    return vectors.vectors[:] + (0 if vectors.offset is None else vectors.offset)


def assert_same(ours: torch.Tensor, expected: Any, tolerance: float = 1e-6) -> None:
    expected = np.asarray(expected)
    largest = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(ours.detach().cpu().numpy(), expected, rtol=0, atol=tolerance * largest)


@each_fixture
@pytest.mark.parametrize("kind", ["kernels", "tensors", "trainable"])
def test_rows_are_those_of_the_file(path: Path, kind: str) -> None:
    layer, expected = load(path, kind == "trainable"), original(path)
    if kind == "tensors":
        layer.load_state_dict(layer.state_dict())  # from here on by operations on tensors
    assert layer.num_embeddings == len(expected)
    rows = torch.randint(0, max(1, len(expected)), (3, 5 if len(expected) else 0))
    assert_same(layer(rows), expected[rows.numpy()])
    assert_same(layer.weight, expected)


@pytest.mark.parametrize("bits", [8, 16, 20])
def test_rows_are_the_same_where_there_was_no_compiler(
    bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = BinaryEmbedding(7, bits)
    layer.to_embc(tmp_path / "signs.embc", "abcdefg")
    monkeypatch.setattr(kernels, "native", None)
    assert_same(load(tmp_path / "signs.embc").weight, layer(torch.arange(7)).detach())


@each_fixture
def test_a_file_a_layer_and_the_file_again(path: Path, tmp_path: Path) -> None:
    load(path).to_embc(tmp_path / "again.embc")
    assert (tmp_path / "again.embc").read_bytes() == path.read_bytes()


@each_kind
def test_a_layer_is_pickled_and_copied(kind: str, tmp_path: Path) -> None:
    layer = opened(kind, oov="mean")
    stream = io.BytesIO()
    torch.save(layer, stream)
    stream.seek(0)
    rows = torch.arange(layer.num_embeddings)
    for number, other in enumerate(
        [torch.load(stream, weights_only=False), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    ):
        assert torch.equal(other(rows), layer(rows))
        assert other.vocabulary.word(3) == layer.vocabulary.word(3)
        other.to_embc(tmp_path / f"{number}.embc")
        assert (tmp_path / f"{number}.embc").read_bytes() == (FOLDER / f"v1-{kind}.embc").read_bytes()


@each_kind
def test_a_state_goes_into_a_new_layer(kind: str) -> None:
    layer, other = opened(kind, trainable=True), opened(kind, trainable=True)
    for parameter in layer.parameters():
        parameter.data += 0.25
    other.load_state_dict(layer.state_dict())
    rows = torch.arange(layer.num_embeddings)
    assert torch.equal(other(rows), layer(rows))
    assert not torch.equal(opened(kind)(rows), layer(rows))


def test_a_state_of_another_file_counts(tmp_path: Path) -> None:
    rng, words = np.random.default_rng(0), [str(number) for number in range(30)]
    layers = []
    for number in range(2):
        path = tmp_path / f"{number}.embc"
        embcomp.compress(words, rng.standard_normal((30, 8)), "sign").save(path)
        layers.append(load(path))
    first, second = layers
    assert not torch.equal(first.weight, second.weight)
    first.load_state_dict(second.state_dict())
    assert_same(first.weight, second.weight)
    assert first.double().weight.dtype == torch.float64


@each_kind
def test_what_codes_stand_for_is_trained(kind: str) -> None:
    layer = opened(kind, trainable=True)
    target = torch.zeros(layer.embedding_dim)
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        loss = (layer(torch.arange(8)) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    assert all(not each.requires_grad for each in opened(kind).parameters())


@each_kind
def test_autocast_does_not_change_rows(kind: str) -> None:
    layer, rows = opened(kind), torch.arange(9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(rows), layer(rows))
        inside = layer(rows)
    assert torch.equal(inside, layer(rows))


@each_kind
def test_a_compiled_layer_gives_the_same(kind: str) -> None:
    torch.compiler.reset()
    layer, rows = opened(kind, oov="zeros"), torch.arange(10).view(2, 5)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert_same(compiled(rows), layer(rows))


def test_workers_of_a_loader_decode() -> None:
    layer = opened("itq")
    loader = DataLoader(range(8), batch_size=4, num_workers=1, collate_fn=_Decode(layer))
    assert_same(torch.cat(list(loader)), layer(torch.arange(8)))


class _Decode:
    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, rows: list[int]) -> torch.Tensor:
        vectors: torch.Tensor = self.layer(torch.tensor(rows)).detach()
        return vectors


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@each_fixture
def test_a_gpu_gives_the_same(path: Path) -> None:
    layer = load(path).cuda()
    assert_same(layer.weight, original(path), 1e-5)


def test_missing_words() -> None:
    words = ["the", "no-such-word", "of"]
    layer = opened("iiq")
    assert layer.rows(["the", "of"]).tolist() == [layer.vocabulary.rank("the"), layer.vocabulary.rank("of")]
    with pytest.raises(MissingWordError, match="'no-such-word' is not in the vocabulary"):
        layer.rows(words)
    with_zeros, with_mean = opened("iiq", oov="zeros"), opened("iiq", oov="mean")
    for other in (with_zeros, with_mean):
        assert other.rows(words)[1] == layer.num_embeddings == other.num_embeddings - 1
        assert torch.equal(other(other.rows(["of", "the"])), layer(layer.rows(["of", "the"])))
    assert not with_zeros(with_zeros.rows(words))[1].any()
    assert_same(with_mean(with_mean.rows(words))[1], original(FOLDER / "v1-iiq.embc").mean(axis=0), 1e-5)
    assert len(with_mean.weight) == with_mean.num_embeddings


def test_a_row_that_is_not_there_is_refused() -> None:
    layer = opened("kd")
    for row in (-1, layer.num_embeddings):
        with pytest.raises(
            IndexError, match=f"rows must be from 0 to {layer.num_embeddings - 1}, got 0 to {row}|{row}"
        ):
            layer(torch.tensor([0, row]))


def test_a_trained_layer_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="a trainable layer cannot be written"):
        opened("sign", trainable=True).to_embc(tmp_path / "x.embc")
    with pytest.raises(ParameterError, match="`oov` must be 'error' or 'zeros' or 'mean', got 'skip'"):
        opened("sign", oov="skip")


@pytest.mark.parametrize("n_rows", [1, 5000])
@pytest.mark.parametrize("method", ["itq", "additive", "nlb"])
def test_many_rows_and_one(method: str, n_rows: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((n_rows, 40)).astype(np.float32) * np.geomspace(9, 1, n_rows)[:, None]
    words = [str(number) for number in range(n_rows)]
    embcomp.compress(words, vectors, method).save(tmp_path / "t.embc")
    assert_same(load(tmp_path / "t.embc").weight, original(tmp_path / "t.embc"))


def test_codes_take_the_bytes_of_the_file() -> None:
    layer = opened("itq")
    assert layer.codes.stream.nbytes == sum(layer.codes.sizes) + 3
