"""An LSTM whose matrices are of signs [Liu 2018, §3.3]."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embcomp.torch.binary import BinaryLinear


class BinaryLSTM(nn.Module):
    """An LSTM [Liu 2018, eq. 3] whose gates come from {x, h} by one :class:`~embcomp.torch.BinaryLinear` a layer.

    Its numbers are those of an LSTM with the matrices exp(γ) · W_b, which is how they are computed. Frozen, a layer
    takes (x + h) · h / 2 bytes of signs and 32 · h of γ and b, as in Table 1.

    Args:
        input_size, hidden_size, num_layers, batch_first: as for ``torch.nn.LSTM``.
        dropout: share of the outputs of all layers but the last that are dropped in training.
        clamp: α of [Liu 2018, Algorithm 2], the largest magnitude of a latent weight.

    Attributes:
        gates: a layer from {x, h} to the gates i, f, g, o, for each layer of the LSTM.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        dropout: float = 0.0,
        batch_first: bool = False,
        clamp: float = 1.0,
    ) -> None:
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.dropout, self.batch_first = dropout, batch_first
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.gates = nn.ModuleList(BinaryLinear(size + hidden_size, 4 * hidden_size, clamp=clamp) for size in sizes)

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return outputs and (h, c), all with shapes and meanings as ``torch.nn.LSTM`` has them."""
        if state is None:
            n_rows = inputs.shape[0 if self.batch_first else 1]
            zeros = inputs.new_zeros(self.num_layers, n_rows, self.hidden_size)
            state = (zeros, zeros)
        outputs, hidden, cell = torch.lstm(
            inputs,
            state,
            self._weights(),
            True,
            self.num_layers,
            self.dropout,
            self.training,
            False,
            self.batch_first,
        )
        return outputs, (hidden, cell)

    def _weights(self) -> list[Tensor]:
        """Matrices and biases of each layer, in the order of ``torch.nn.LSTM``; it has two biases, one is 0."""
        weights = []
        for gates in self.gates:
            scaled = gates.matrix.values() * gates.gain.exp()[:, None]
            from_inputs, from_hidden = scaled.split([gates.in_features - self.hidden_size, self.hidden_size], dim=1)
            weights += [from_inputs.contiguous(), from_hidden.contiguous(), gates.bias, torch.zeros_like(gates.bias)]
        return weights
