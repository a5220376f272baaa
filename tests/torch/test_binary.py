"""Layers of signs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from embcomp import bits
from embcomp.errors import ParameterError
from embcomp.torch import BinaryEmbedding, BinaryLinear, BinaryLSTM, clamp, freeze, param_groups
from embcomp.torch.straight_through import binarize, pack_bits, unpack_bits


@given(n_rows=st.integers(0, 5), width=st.integers(1, 40), seed=st.integers(0, 100))
def test_bits_are_packed_as_in_files(n_rows: int, width: int, seed: int) -> None:
    truth = np.random.default_rng(seed).random((n_rows, width)) < 0.5
    packed = pack_bits(torch.from_numpy(truth))
    np.testing.assert_array_equal(packed.numpy(), bits.pack(truth))
    np.testing.assert_array_equal(unpack_bits(packed, width).numpy(), truth)


def test_the_sign_of_0_is_minus_1() -> None:
    latent = torch.tensor([-0.5, -0.0, 0.0, 1e-30, 2.0])
    assert binarize(latent, torch.tensor(0.5)).tolist() == [-0.5, -0.5, -0.5, 0.5, 0.5]


def test_the_gradient_of_latent_weights_is_that_of_the_signs() -> None:
    embedding, indices = BinaryEmbedding(7, 4), torch.tensor([[0, 3], [3, 6]])
    signs = embedding.matrix.values().detach().requires_grad_()
    embedding(indices).square().sum().backward()
    embedding.after(nn.functional.embedding(indices, signs)).square().sum().backward()
    torch.testing.assert_close(embedding.matrix.weight.grad, signs.grad, rtol=0, atol=0)
    assert signs.grad.abs().sum() > 0
    assert not signs.grad[[1, 2, 4, 5]].any()


def test_sparse_gradients_are_of_the_rows_that_were_used() -> None:
    embedding, indices = BinaryEmbedding(7, 4, sparse=True), torch.tensor([0, 3, 3])
    embedding(indices).square().sum().backward()
    gradient = embedding.matrix.weight.grad.coalesce()
    assert gradient.indices().tolist() == [[0, 3]]


def test_gain_bias_and_input_have_exact_gradients() -> None:
    layer = BinaryLinear(3, 4).double()
    inputs, gain, bias = (
        torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in [(2, 3), (4,), (4,)]
    )

    def function(*tensors: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"gain": tensors[1], "bias": tensors[2]}, tensors[0])

    assert torch.autograd.gradcheck(function, (inputs, gain, bias))


def test_a_linear_layer_by_hand() -> None:
    layer = BinaryLinear(4, 2)
    with torch.no_grad():
        layer.matrix.weight.copy_(torch.tensor([[1.0, 2, -3, 0], [-1, -1, -1, 1]]))
        layer.gain.copy_(torch.tensor([math.log(2), 0]))
        layer.bias.copy_(torch.tensor([0.25, -1]))
    # √(1/4) · [1 + 2 − 3 − 4, −1 − 2 − 3 + 4] = [−2, −1]
    assert layer(torch.tensor([1.0, 2, 3, 4])).tolist() == [-3.75, -2.0]


def test_latent_weights_are_clamped() -> None:
    embedding = BinaryEmbedding(5, 3, clamp=0.1, linear="binary")
    clamp(embedding)
    for matrix in (embedding.matrix, embedding.after.matrix):
        assert float(matrix.weight.detach().abs().max()) == pytest.approx(0.1)
    freeze(embedding)
    clamp(embedding)


def test_a_row_that_is_on_both_tied_sides_accumulates_once() -> None:
    embedding = BinaryEmbedding(6, 4, linear="none")
    output = embedding.as_output("none")
    hidden = torch.randn(2, 4)
    (embedding(torch.tensor([1, 1])).sum() + (output(hidden, torch.tensor([1, 2]))).sum()).backward()
    expected = torch.zeros(6, 4)
    expected[1] = 2 + hidden.sum(0)
    expected[2] = hidden.sum(0)
    torch.testing.assert_close(embedding.matrix.weight.grad, expected)
    latent, rest = param_groups(nn.ModuleList([embedding, output]))
    assert [id(each) for each in latent] == [id(embedding.matrix.weight)]
    assert rest == []


def test_an_output_of_all_rows_is_the_whole_output(monkeypatch: pytest.MonkeyPatch) -> None:
    output, hidden = BinaryEmbedding(50, 12).as_output(bias=True), torch.randn(3, 12)
    whole = output(hidden)
    torch.testing.assert_close(output(hidden, torch.arange(50)), whole)
    monkeypatch.setattr("embcomp.torch.binary.MOST_AT_ONCE", 12 * 7)
    torch.testing.assert_close(output(hidden), whole)


def test_an_lstm_has_the_numbers_of_torch() -> None:
    ours, theirs = BinaryLSTM(5, 6, num_layers=2), nn.LSTM(5, 6, num_layers=2)
    nn.init.normal_(ours.gates[0].gain)
    nn.init.normal_(ours.gates[1].bias)
    with torch.no_grad():
        for layer, gates in enumerate(ours.gates):
            weights = gates.matrix.values() * gates.gain.exp()[:, None]
            getattr(theirs, f"weight_ih_l{layer}").copy_(weights[:, :-6])
            getattr(theirs, f"weight_hh_l{layer}").copy_(weights[:, -6:])
            getattr(theirs, f"bias_ih_l{layer}").copy_(gates.bias)
            getattr(theirs, f"bias_hh_l{layer}").zero_()
    inputs = torch.randn(7, 3, 5)
    for mine, expected in zip(ours(inputs), theirs(inputs), strict=True):
        torch.testing.assert_close(mine, expected)


def test_the_gain_of_an_lstm_learns() -> None:
    lstm = BinaryLSTM(3, 2, batch_first=True)
    outputs, (hidden, _) = lstm(torch.randn(4, 5, 3))
    torch.testing.assert_close(outputs[:, -1], hidden[0])
    outputs.square().sum().backward()
    assert lstm.gates[0].gain.grad.abs().min() > 0
    assert lstm.gates[0].matrix.weight.grad.abs().min() > 0


def test_frozen_layers_compute_the_same_bits() -> None:
    embedding = BinaryEmbedding(60, 10, bits=14, linear="binary")
    model = nn.ModuleList([embedding, BinaryLSTM(10, 8), BinaryLinear(8, 10), embedding.as_output("binary")])
    indices = torch.randint(0, 60, (6, 3))

    def logits() -> torch.Tensor:
        hidden, _ = model[1](model[0](indices))
        return model[3](model[2](hidden))

    before = logits().detach()
    freeze(model)
    assert torch.equal(logits(), before)
    assert param_groups(model)[0] == []


@pytest.mark.parametrize(("n_rows", "size"), [(100, 16), (1000, 24)])
def test_the_frozen_model_takes_what_the_formula_says(n_rows: int, size: int) -> None:
    embedding, lstm = BinaryEmbedding(n_rows, size, linear="binary"), BinaryLSTM(size, size)
    output = BinaryEmbedding(n_rows, size).as_output("binary")  # not tied
    model = freeze(nn.ModuleList([embedding, lstm, output]))
    n_matrices = 5
    # Table 1: 0.25 V H + 1.25 H² + 48 H bytes; and a scale for each matrix
    expected = n_rows * size / 4 + 1.25 * size**2 + 48 * size + 4 * n_matrices
    assert sum(each.nbytes for each in model.state_dict().values()) == expected


def test_a_frozen_state_is_loaded_into_a_new_model() -> None:
    embedding = freeze(BinaryEmbedding(9, 5))
    other = BinaryEmbedding(9, 5)
    other.load_state_dict(embedding.state_dict())
    assert torch.equal(other(torch.arange(9)), embedding(torch.arange(9)))
    assert other.matrix.frozen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"linear": "none", "bits": 7}, "`bits` must be an integer from 5 to 5, got 7"),
        ({"linear": "no"}, "`linear` must be 'float' or 'binary' or 'none', got 'no'"),
        ({"clamp": 0.0}, "`clamp` must be a number above 0, got 0.0"),
    ],
)
def test_arguments_that_are_not_allowed(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        BinaryEmbedding(3, 5, **arguments)
    assert str(caught.value) == message
