"""KD codes and ALONE as layers, beside the NumPy code of the same formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embcomp.compressors.additive import sum_of_codewords
from embcomp.compressors.composition import LstmComposition
from embcomp.compressors.feed_forward import Network
from embcomp.compressors.filters import combine
from embcomp.compressors.kd_lstm import compose
from embcomp.torch import ALONEEmbedding, KDEmbedding, freeze, param_groups


def numpy_of(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy()


@pytest.mark.parametrize("code_dim", [None, 4])
@pytest.mark.parametrize("is_frozen", [False, True])
@pytest.mark.parametrize("compose_by", ["linear", "lstm"])
def test_kd_vectors_are_composed_as_the_compressor_does(
    compose_by: str, is_frozen: bool, code_dim: int | None
) -> None:
    layer = KDEmbedding(20, 6, ways=5, dims=3, code_dim=code_dim, compose=compose_by)
    layer = freeze(layer) if is_frozen else layer
    codes, books = numpy_of(layer.symbols()).astype(np.uint16), numpy_of(layer.books())
    if compose_by == "lstm":
        lstm = LstmComposition(*map(numpy_of, (layer.recurrent, layer.bias, layer.transform)))
        expected = compose(books, lstm, codes)
    else:
        expected = sum_of_codewords(books, codes)
        expected = expected if code_dim is None else expected @ numpy_of(layer.transform)
    np.testing.assert_allclose(numpy_of(layer(torch.arange(20))), expected, atol=1e-6)


def test_logits_have_the_gradient_of_algorithm_1() -> None:
    layer = KDEmbedding(4, 6, ways=5, dims=3, temperature=0.7)
    layer(torch.tensor([2])).square().sum().backward()
    # by hand: the forward pass has one-hot codes, the backward pass the softmax of logits over T
    soft = torch.softmax(layer.logits[2].detach().view(3, 5) / 0.7, dim=1)
    vector = layer.codebooks.detach()[torch.arange(3), layer.symbols(torch.tensor([2]))[0]].sum(0)
    by_soft = layer.codebooks.detach() @ (2 * vector)
    expected = soft * (by_soft - (soft * by_soft).sum(dim=1, keepdim=True)) / 0.7
    torch.testing.assert_close(layer.logits.grad[2].view(3, 5), expected)
    assert not layer.logits.grad[[0, 1, 3]].any()


def test_codes_are_learned_from_a_table() -> None:
    table = torch.randn(3, 8).repeat_interleave(10, dim=0)  # three kinds of rows
    layer, indices = KDEmbedding(30, 8, ways=4, dims=2, decay=0.02), torch.arange(30)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    first = layer.guidance(indices, table).item()
    for _ in range(300):
        optimizer.zero_grad()
        layer.guidance(indices, table).backward()
        optimizer.step()
        layer.anneal()
    assert layer.guidance(indices, table).item() < 0.1 * first
    assert float(layer.temperature) == pytest.approx(1 / 7)


def test_relearning_changes_codebooks_and_not_codes() -> None:
    codes = torch.randint(0, 5, (20, 3))
    layer = KDEmbedding(20, 6, ways=5, dims=3, codes=codes)
    assert torch.equal(layer.symbols(), codes)
    latent, rest = param_groups(layer)
    assert latent == []
    assert [each.shape for each in rest] == [(3, 5, 6)]
    layer(torch.arange(20)).square().sum().backward()
    assert layer.codebooks.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["binary", "real"])
def test_alone_is_the_network_of_the_compressor(kind: str) -> None:
    layer = ALONEEmbedding(40, 6, inter=9, filter=kind, columns=8, matrices=3, seed=5)
    rows = torch.arange(40)
    columns = layer.assignments.numpy().astype(np.uint16)
    filters = combine(layer.sources.numpy(), columns)
    np.testing.assert_allclose(layer.filters(rows).numpy(), filters, atol=1e-6)
    network = Network(*map(numpy_of, (layer.base, layer.inner, layer.outer)))
    np.testing.assert_allclose(numpy_of(layer(rows)), network(filters), atol=1e-5)


def test_alone_draws_its_filters_again() -> None:
    layer = ALONEEmbedding(40, 6, inter=9, seed=3)
    assert set(layer.state_dict()) == {"base", "inner", "outer"}
    other = ALONEEmbedding(40, 6, inter=9, seed=3)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(layer(torch.arange(40)), other(torch.arange(40)))
    assert not torch.equal(layer.assignments, ALONEEmbedding(40, 6, inter=9, seed=4).assignments)


def test_alone_drops_hidden_units_in_training_only() -> None:
    layer = ALONEEmbedding(40, 6, inter=90, dropout=0.5)
    rows = torch.arange(40)
    assert not torch.equal(layer(rows), layer(rows))
    assert torch.equal(layer.eval()(rows), layer(rows))
