"""KD codes learned in a model [Chen 2017]: D symbols of K values a row, and a vector composed of their embeddings."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from embcomp.checks import Integer, OneOf, Real, require
from embcomp.compressors.base import Compressor, symbol_bits
from embcomp.compressors.composition import LstmComposition
from embcomp.compressors.kd_lstm import surrogate_codebooks
from embcomp.compressors.narrow import narrow_codebooks
from embcomp.errors import ParameterError
from embcomp.torch.files import TableLayer, fitted, read_table
from embcomp.torch.straight_through import CodeLayer, pack_bits, straight_through, unpack_bits


class KDEmbedding(CodeLayer, TableLayer):
    """A table of codes: v = f(W^1_{c_1}, …, W^D_{c_D}), f linear or an LSTM [Chen 2017, §2.2].

    Codes are learned by Algorithm 1: the forward pass takes the largest logit of each place, the backward pass the
    softmax of logits over T (eq. of §2.3). ``fix_codes`` fixes them, and codebooks and f go on learning
    (*re-learning*); so it is from the start with ``codes``. ``freeze`` rounds the codebooks too, to 8 bits a number:
    then the layer is what a file holds.

    Args:
        num_embeddings: rows.
        embedding_dim: numbers of v.
        ways, dims: K and D.
        code_dim: numbers d' of a code embedding; ``None`` for ``embedding_dim``.
        compose: f, ``linear`` or ``lstm``.
        codes: of all rows, integers from 0 to K − 1, shape (num_embeddings, D); ``None`` to learn them.
        temperature, decay: T0 and its decay, T = T0 / (1 + decay · t); :meth:`anneal` counts t.

    Attributes:
        logits: latent, shape (num_embeddings, D · K).
        codebooks: W, shape (D, K, d').
        transform: H, shape (d', embedding_dim); ``None`` where f is linear and needs none.
        recurrent, bias: of the LSTM, as ``embcomp.compressors.composition`` has them.
        codes: packed symbols in place of ``logits`` when these are fixed, uint8.
        whole_books, book_scales: codebooks as integers, and what each is multiplied with, in place of ``codebooks``
            when frozen.
    """

    latent = ("logits",)

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        ways: int = 50,
        dims: int = 10,
        code_dim: int | None = None,
        compose: str = "linear",
        codes: Any = None,
        temperature: float = 1.0,
        decay: float = 1.0,
    ) -> None:
        super().__init__()
        for name, value, check in (
            ("num_embeddings", num_embeddings, Integer(1)),
            ("ways", ways, Integer(2, 65536)),
            ("dims", dims, Integer(1, 4096)),
            ("compose", compose, OneOf("linear", "lstm")),
            ("temperature", temperature, Real(0, open_ends=True)),
            ("decay", decay, Real(0)),
        ):
            require(name, value, check)
        size = embedding_dim if code_dim is None else code_dim
        self.num_embeddings, self.embedding_dim, self.ways, self.dims = num_embeddings, embedding_dim, ways, dims
        self.start_temperature, self.decay = temperature, decay
        self.register_buffer("iterations", torch.zeros((), dtype=torch.int64))
        for name in ("codes", "whole_books", "book_scales"):
            self.register_buffer(name, None)
        self.codebooks = nn.Parameter(torch.randn(dims, ways, size) / math.sqrt(dims * embedding_dim))
        self.recurrent: Any = None
        self.bias: Any = None
        self.transform: Any = None
        if compose == "lstm" or size != embedding_dim:
            self.transform = nn.Parameter(_uniform(size, embedding_dim))
        if compose == "lstm":
            self.recurrent = nn.Parameter(_uniform(size, 4 * size))
            self.bias = nn.Parameter(torch.zeros(4 * size))
        self.logits = nn.Parameter(torch.randn(num_embeddings, dims * ways)) if codes is None else None
        if codes is not None:
            self.codes = self._pack_symbols(torch.as_tensor(codes))

    def forward(self, indices: Tensor) -> Tensor:
        """Return the vectors of rows, int64 of any shape: shape (…, embedding_dim)."""
        distinct, places = torch.unique(indices, return_inverse=True)
        return functional.embedding(places, self._composed(distinct))

    def symbols(self, indices: Tensor | None = None) -> Tensor:
        """Return the codes of rows, of all by default, int64, shape (…, D)."""
        if self.frozen:
            return self._unpacked(self.codes if indices is None else functional.embedding(indices, self.codes))
        rows = torch.arange(self.num_embeddings, device=self.iterations.device) if indices is None else indices
        return self._logits_of(rows).argmax(dim=-1)

    def fix_codes(self) -> KDEmbedding:
        """Drop the logits and keep the packed codes that they stand for; codebooks and f go on learning."""
        super().freeze()
        return self

    def freeze(self) -> KDEmbedding:
        """Fix the codes, and round the codebooks to what a file holds."""
        self.fix_codes()
        if self.codebooks is not None:
            whole, scales = narrow_codebooks(self.codebooks.detach().cpu().numpy())
            device, self.codebooks = self.codebooks.device, None
            self.whole_books = torch.from_numpy(whole).to(device)
            self.book_scales = torch.from_numpy(scales).to(device)
        return self

    def books(self) -> Tensor:
        """Return W, shape (D, K, d')."""
        return self.codebooks if self.whole_books is None else self.whole_books * self.book_scales[:, None, None]

    def _table(self) -> tuple[Compressor, Tensor]:
        """The method is ``kd``, with codebooks as ``freeze`` rounds them."""
        frozen = self if self.whole_books is not None else copy.deepcopy(self).freeze()
        size, dim = self.books().shape[2], self.embedding_dim
        transform = torch.zeros(0, dim) if self.transform is None else self.transform
        state = {"mean": torch.zeros(dim), "removed": torch.zeros(0, dim), "transform": transform}
        state |= {"codebooks": frozen.whole_books, "codebook_scales": frozen.book_scales}
        options = {"ways": self.ways, "dims": self.dims, "code_dim": size, "solver": "ste", "compose": "linear"}
        if self.recurrent is not None:
            options["compose"] = "lstm"
            state |= {"recurrent": self.recurrent, "bias": self.bias, "surrogate": frozen.surrogate()}
        return fitted("kd", options, state), frozen.codes

    @classmethod
    def from_embc(cls, path: str | Path, *, trainable: bool = False) -> KDEmbedding:
        """Read a file of the method ``kd``, which has no mean: frozen, or with codes fixed and codebooks to learn.

        A frozen layer is written by :meth:`to_embc` as the same bytes, if that wrote the file.

        Raises:
            ParameterError: the file has another method, or rows were centred.
        """
        file, table, state, codes = read_table(path, "kd")
        if state["mean"].any():
            raise ParameterError(f"{path}: its vectors were centred: `embcomp.torch.load` reads it")
        size = state["codebooks"].shape[2]
        sizes = {"ways": table.ways, "dims": len(state["codebooks"]), "code_dim": size, "compose": table.compose}
        layer = cls(len(file), file.dim, **sizes).freeze()
        layer.codes, layer.whole_books, layer.book_scales = codes, state["codebooks"], state["codebook_scales"]
        for name in ("transform", "recurrent", "bias"):
            if getattr(layer, name) is not None:
                getattr(layer, name).data.copy_(state[name])
        if trainable:
            layer.codebooks = nn.Parameter(layer.books())
            layer.whole_books = layer.book_scales = None
        return layer

    def surrogate(self) -> Tensor:
        """Return codebooks whose sums are near the outputs of the LSTM, shape (D, K, embedding_dim)."""
        books, *others = (
            each.detach().cpu().numpy() for each in (self.books(), self.recurrent, self.bias, self.transform)
        )
        symbols = self.symbols().cpu().numpy().astype(np.uint16)
        return torch.from_numpy(surrogate_codebooks(books, LstmComposition(*others), symbols))

    def guidance(self, indices: Tensor, table: Tensor) -> Tensor:
        """Return the mean over rows of ‖table row − v‖² [Chen 2017, eq. 1]: to be minimized, alone or beside a loss.

        ``table`` has shape (num_embeddings, embedding_dim).
        """
        distinct = torch.unique(indices)
        return (functional.embedding(distinct, table) - self._composed(distinct)).square().sum(dim=1).mean()

    @property
    def temperature(self) -> Tensor:
        """T, at present."""
        return self.start_temperature / (1 + self.decay * self.iterations)

    def anneal(self) -> None:
        """Count an iteration: the temperature falls."""
        self.iterations += 1

    def _composed(self, indices: Tensor) -> Tensor:
        """Return the vectors of rows, int64, shape (n,)."""
        if self.recurrent is None:
            total = self._sum(indices)
        else:
            total = lstm_outputs(self._embedded(indices), self.recurrent, self.bias)
        return total if self.transform is None else total @ self.transform

    def _sum(self, indices: Tensor) -> Tensor:
        """Return the sums of code embeddings, shape (n, d')."""
        if self.frozen:
            return sum_of_codewords(self.books(), self.symbols(indices))
        return self._one_hot(indices).flatten(1) @ self.codebooks.flatten(0, 1)

    def _embedded(self, indices: Tensor) -> Tensor:
        """Return the code embeddings, shape (D, n, d')."""
        if self.frozen:
            places = torch.arange(self.dims, device=indices.device)[:, None]
            embedded: Tensor = self.books()[places, self.symbols(indices).T]
            return embedded
        return torch.einsum("ndk,dkc->dnc", self._one_hot(indices), self.codebooks)

    def _one_hot(self, indices: Tensor) -> Tensor:
        """Return π of Algorithm 1, shape (n, D, K)."""
        logits = self._logits_of(indices)
        hard = functional.one_hot(logits.argmax(dim=-1), self.ways).to(logits.dtype)
        return straight_through(hard, torch.softmax(logits / self.temperature, dim=-1))

    def _logits_of(self, indices: Tensor) -> Tensor:
        """Shape (…, D, K)."""
        return functional.embedding(indices, self.logits).unflatten(-1, (self.dims, self.ways))

    def packed(self) -> Tensor:
        """Return the codes as loose rows, uint8."""
        return self.codes if self.frozen else self._pack_symbols(self.symbols())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        if prefix + "whole_books" in state_dict:
            self.freeze()
        elif prefix + "codes" in state_dict:
            self.fix_codes()
        nn.Module._load_from_state_dict(self, state_dict, prefix, *arguments)

    def _pack_symbols(self, symbols: Tensor) -> Tensor:
        shifts = torch.arange(symbol_bits(self.ways) - 1, -1, -1, device=symbols.device)
        return pack_bits(((symbols[..., None] >> shifts) & 1).flatten(1))

    def _unpacked(self, codes: Tensor) -> Tensor:
        return unpack_symbols(codes, self.dims, symbol_bits(self.ways))


def unpack_symbols(codes: Tensor, n_symbols: int, width: int) -> Tensor:
    """Return the symbols of loose rows, int64, shape (…, n_symbols)."""
    bits = unpack_bits(codes, n_symbols * width).unflatten(-1, (n_symbols, width))
    return (bits << torch.arange(width - 1, -1, -1, device=codes.device)).sum(dim=-1)


def sum_of_codewords(codebooks: Tensor, symbols: Tensor) -> Tensor:
    """Return Σ_j codebooks[j, symbols[…, j]], shape (n, d), for codebooks (D, K, d) and symbols (n, D)."""
    n_books, n_words, _ = codebooks.shape
    places = symbols + torch.arange(n_books, device=symbols.device) * n_words
    return functional.embedding_bag(places, codebooks.flatten(0, 1), mode="sum")


def lstm_outputs(embedded: Tensor, recurrent: Tensor, bias: Tensor) -> Tensor:
    """Return Σ_j h_j of an LSTM that reads ``embedded``, shape (D, n, d') [Chen 2017, §2.2]; see the NumPy class
    :class:`~embcomp.compressors.composition.LstmComposition` for the other shapes.
    """
    hidden = memory = total = torch.zeros_like(embedded[0])
    for each in embedded:
        gates = (hidden @ recurrent + bias).unflatten(1, (4, -1)) + each[:, None]
        forget, enter, leave = torch.sigmoid(gates[:, :3]).unbind(1)
        memory = forget * memory + enter * torch.tanh(gates[:, 3])
        hidden = leave * torch.tanh(memory)
        total = total + hidden
    return total


def _uniform(n_rows: int, n_columns: int) -> Tensor:
    """Uniform numbers in ±1/√n_rows."""
    return (2 * torch.rand(n_rows, n_columns) - 1) / math.sqrt(n_rows)
