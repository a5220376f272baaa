"""Embeddings, linear layers and LSTMs of signs that are learned with the model [Liu 2018, §3.2–3.3].

A layer keeps float latent weights while it learns, and computes with their signs. Gradients of the signs move the
latent weights (:func:`~embcomp.torch.straight_through.binarize`). ``freeze`` drops these and keeps a bit for each.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from embcomp.checks import Integer, OneOf, Real, require
from embcomp.compressors.base import Compressor
from embcomp.torch.files import TableLayer, fitted, read_table
from embcomp.torch.straight_through import MOST_AT_ONCE, CodeLayer, binarize, freeze, pack_bits, unpack_bits

LINEAR = OneOf("float", "binary", "none")


class BinaryMatrix(CodeLayer):
    """A matrix of ±``scale``; layers that are tied share one.

    Args:
        n_rows, n_columns: its shape.
        clamp: α of [Liu 2018, Algorithm 2], the largest magnitude of a latent weight; the paper does not give it.
        sparse: gradients of looked-up rows are sparse, so that an optimizer can leave the other rows alone.

    Attributes:
        weight: latent, shape (n_rows, n_columns), drawn from a normal distribution with deviation √(1/n_columns).
        scale: √(1/n_columns) [Liu 2018, eq. 8], a buffer.
        codes: uint8, shape (n_rows, ⌈n_columns / 8⌉), in place of ``weight`` when frozen.
    """

    def __init__(self, n_rows: int, n_columns: int, *, clamp: float = 1.0, sparse: bool = False) -> None:
        super().__init__()
        require("n_rows", n_rows, Integer(1))
        require("n_columns", n_columns, Integer(1))
        require("clamp", clamp, Real(0, open_ends=True))
        self.n_rows, self.n_columns, self.sparse, self.largest = n_rows, n_columns, sparse, clamp
        self.weight = nn.Parameter(torch.randn(n_rows, n_columns) / math.sqrt(n_columns))
        self.register_buffer("scale", torch.tensor(math.sqrt(1 / n_columns)))
        self.register_buffer("codes", None)

    def rows(self, indices: Tensor) -> Tensor:
        """Return rows, ±scale, shape (…, n_columns)."""
        if self.frozen:
            return self._signs(functional.embedding(indices, self.codes))
        return binarize(functional.embedding(indices, self.weight, sparse=self.sparse), self.scale)

    def times(self, vectors: Tensor) -> Tensor:
        """Return ``vectors``, shape (…, n_columns), times the transposed matrix; signs are made in blocks of rows."""
        step = max(1, MOST_AT_ONCE // self.n_columns)
        blocks = [self._block(start, start + step) for start in range(0, self.n_rows, step)]
        products = [functional.linear(vectors, block) for block in blocks]
        return products[0] if len(products) == 1 else torch.cat(products, dim=-1)

    def values(self) -> Tensor:
        """Return the whole matrix, ±scale, shape (n_rows, n_columns)."""
        return self._block(0, self.n_rows)

    def clamp(self) -> None:
        """Bring latent weights back to at most α."""
        if self.weight is not None:
            with torch.no_grad():
                self.weight.clamp_(-self.largest, self.largest)

    def _block(self, start: int, stop: int) -> Tensor:
        if self.frozen:
            return self._signs(self.codes[start:stop])
        return binarize(self.weight[start:stop], self.scale)

    def _signs(self, codes: Tensor) -> Tensor:
        return torch.where(unpack_bits(codes, self.n_columns), self.scale, -self.scale)

    def load_codes(self, codes: Tensor, scale: Tensor) -> None:
        """Freeze to given codes, loose rows, and what they stand for."""
        self.freeze()
        self.codes.copy_(codes)
        self.scale.copy_(scale)

    def packed(self) -> Tensor:
        """Return the signs as loose rows, uint8."""
        return self.codes if self.frozen else pack_bits(self.weight > 0)


class BinaryLinear(nn.Module):
    """A linear layer of signs: y = (W_b x) · exp(γ) + b [Liu 2018, Algorithms 1–2].

    Args:
        in_features, out_features: shapes of x and y.
        bias: whether there is a b.
        gain: whether there is a γ.
        matrix: W, if it is another layer's too.
        before: a layer through which x goes first.
        clamp: see :class:`BinaryMatrix`.

    Attributes:
        matrix: W_b.
        gain: γ, shape (out_features,), starts at 0: the paper does not say.
        bias: b, shape (out_features,), starts at 0.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        gain: bool = True,
        matrix: BinaryMatrix | None = None,
        before: Any = None,
        clamp: float = 1.0,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.matrix = BinaryMatrix(out_features, in_features, clamp=clamp) if matrix is None else matrix
        self.before = before
        self.gain = nn.Parameter(torch.zeros(out_features)) if gain else None
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, vectors: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return y, shape (…, out_features), or only the outputs in ``rows``, int64, shape (k,)."""
        vectors = vectors if self.before is None else self.before(vectors)
        if rows is None:
            out, gain, bias = self.matrix.times(vectors), self.gain, self.bias
        else:
            out = functional.linear(vectors, self.matrix.rows(rows))
            gain, bias = (None if each is None else each[rows] for each in (self.gain, self.bias))
        out = out if gain is None else out * gain.exp()
        return out if bias is None else out + bias


class BinaryEmbedding(TableLayer):
    """A table of signs, and a linear layer behind it: e = W_T (W_b x) + b_T [Liu 2018, eq. 9].

    Args:
        num_embeddings: rows.
        embedding_dim: numbers of e.
        bits: signs of a row; ``None`` for ``embedding_dim``.
        linear: the layer behind: ``float`` (BELM), ``binary`` (BLLM) or ``none``.
        clamp, sparse: see :class:`BinaryMatrix`.

    Attributes:
        matrix: W_b, a :class:`BinaryMatrix`.
        after: the layer behind, or ``None``.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        bits: int | None = None,
        linear: str = "float",
        clamp: float = 1.0,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        bits = embedding_dim if bits is None else bits
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if linear == "none":
            require("bits", bits, Integer(embedding_dim, embedding_dim))
        self.matrix = BinaryMatrix(num_embeddings, bits, clamp=clamp, sparse=sparse)
        self.after = linear_layer(linear, bits, embedding_dim, clamp)

    def forward(self, indices: Tensor) -> Tensor:
        """Return the vectors of rows, int64 of any shape: shape (…, embedding_dim)."""
        rows = self.matrix.rows(indices)
        return rows if self.after is None else self.after(rows)

    def as_output(self, linear: str = "float", *, bias: bool = False) -> BinaryLinear:
        """Return the output layer that shares this table: softmax(W_b (W_T h + b_T)) is taken of what it returns.

        ``linear`` is the layer in front, as in the constructor; its input has ``embedding_dim`` numbers.
        """
        rows, bits, clamp = self.matrix.n_rows, self.matrix.n_columns, self.matrix.largest
        before = linear_layer(linear, self.embedding_dim, bits, clamp)
        return BinaryLinear(bits, rows, bias=bias, gain=False, matrix=self.matrix, before=before)

    def _table(self) -> tuple[Compressor, Tensor]:
        """The method is ``binary``."""
        after = self.after
        linear = "none" if after is None else "binary" if isinstance(after, BinaryLinear) else "float"
        state = {"scale": self.matrix.scale[None], "length_levels": torch.zeros(0)}
        state["bias"] = torch.zeros(self.embedding_dim) if after is None else after.bias
        if linear == "float":
            state["weights"] = after.weight.T
        elif linear == "binary":
            state |= {"weight_signs": after.matrix.packed(), "weight_scale": after.matrix.scale[None]}
            state["gain"] = after.gain
        bits = "dim" if after is None else self.matrix.n_columns
        return fitted("binary", {"bits": bits, "linear": linear}, state), self.matrix.packed()

    @classmethod
    def from_embc(cls, path: str | Path) -> BinaryEmbedding:
        """Read a file of the method ``binary``: a frozen layer, which :meth:`to_embc` writes as the same bytes.

        Raises:
            ParameterError: the file has another method, or lengths of rows.
        """
        file, table, state, codes = read_table(path, "binary")
        layer = cls(len(file), file.dim, bits=table.n_signs, linear=table.linear)
        layer.matrix.load_codes(codes, state["scale"][0])
        if table.linear == "float":
            layer.after.weight.data.copy_(state["weights"].T)
        elif table.linear == "binary":
            layer.after.matrix.load_codes(state["weight_signs"], state["weight_scale"][0])
            layer.after.gain.data.copy_(state["gain"])
        if layer.after is not None:
            layer.after.bias.data.copy_(state["bias"])
        return layer

    def freeze(self) -> BinaryEmbedding:
        """Keep a bit for each latent weight, and drop these, here and in tied layers."""
        freeze(self)
        return self


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


def linear_layer(kind: str, in_features: int, out_features: int, clamp: float) -> Any:
    """Return a linear layer: ``float``, ``binary`` or none."""
    require("linear", kind, LINEAR)
    if kind == "none":
        return None
    if kind == "float":
        return nn.Linear(in_features, out_features)
    return BinaryLinear(in_features, out_features, clamp=clamp)
