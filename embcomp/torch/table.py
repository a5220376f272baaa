"""An ``.embc`` file as a layer: codes stay packed, rows are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import OneOf, require
from embcomp.codes import Codes
from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import MissingWordError, ParameterError
from embcomp.text.model import TextModel
from embcomp.torch.decoders import Sums, decoder_of
from embcomp.torch.packed import PackedCodes, on_processor
from embcomp.vocabulary import Part, Vocabulary
from embcomp.wordlist import WordList

OOV = OneOf("error", "zeros", "mean")
ROWS_AT_ONCE = 4096  # decoded: what is computed on the way stays in a core's cache


def load(path: str | Path, trainable: bool = False, *, oov: str = "error") -> CompressedEmbedding:
    """Open an ``.embc`` file as a layer that takes the place of ``nn.Embedding``.

    Args:
        path: the file.
        trainable: codes stay as they are, and what they stand for is learned on: codewords, directions, the offset.
        oov: a word that is not there: ``error``; or it has the row after the last, ``zeros`` or the ``mean`` vector.

    Raises:
        InputError, ContainerError: the file cannot be read.
        ParameterError: an argument is not allowed, or the method is another package's.
    """
    return CompressedEmbedding(open_container(path), trainable=trainable, oov=oov)


class CompressedEmbedding(nn.Module):
    """The rows of a file; :func:`load` makes it.

    Vectors are around the source's own origin: the offset is added.

    Attributes:
        num_embeddings: rows, with that for missing words if there is one.
        embedding_dim: numbers of a vector.
        codes: packed as in the file, ``embcomp.torch.packed.PackedCodes``.
        decoder: see ``embcomp.torch.decoders``.
        offset: what is added, or ``None``.
        missing: the vector of missing words, or ``None``.
    """

    padding_idx = None

    def __init__(self, file: EncodedEmbedding, *, trainable: bool = False, oov: str = "error") -> None:
        super().__init__()
        require("oov", oov, OOV)
        self.n_rows, self.embedding_dim = len(file), file.dim
        self.num_embeddings = self.n_rows + (oov != "error")
        self.codes = PackedCodes(file.codes)
        n_bytes = sum(stream.nbytes for stream in file.codes.streams)
        self.decoder = decoder_of(file.compressor, n_bytes, trainable=trainable)
        self.decoder.keep("offset", None if self.decoder.adds_offset else file.offset)
        missing = {"error": None, "zeros": np.zeros(file.dim, np.float32), "mean": None}[oov]
        if oov == "mean":
            missing = file.mean_vector() + (0 if file.offset is None else file.offset)
        self.register_buffer("missing", None if missing is None else torch.from_numpy(missing))
        self._facts = _Facts(file)
        self._as_in_file = not trainable and isinstance(self.decoder, Sums) and self.decoder.levels is not None

    @property
    def vocabulary(self) -> Vocabulary:
        """Words and rows: ``vocabulary.rank(word)``, ``vocabulary.word(row)``, ``in``."""
        return self._facts.file.vocabulary

    @property
    def weight(self) -> Tensor:
        """The whole table, decoded anew each time, shape (num_embeddings, embedding_dim)."""
        rows: Tensor = self(torch.arange(self.num_embeddings, device=self.codes.stream.device))
        return rows

    def rows(self, words: Iterable[str]) -> Tensor:
        """Return the rows of words, int64, to be given to the layer.

        Raises:
            MissingWordError: a word is not there, with ``oov`` ``error``.
        """
        words = list(words)
        found = self.vocabulary.ranks(words)
        if self.missing is None and (found < 0).any():
            raise MissingWordError(words[int(np.argmin(found))])
        return torch.from_numpy(np.where(found < 0, self.n_rows, found)).to(self.codes.stream.device)

    def forward(self, indices: Tensor) -> Tensor:
        """Return the vectors of rows, integers of any shape: shape (…, embedding_dim).

        Raises:
            IndexError: there is no such row; on the processor, and where it is not compiled.
        """
        flat = indices.reshape(-1).long()
        self._require_rows(flat)
        casts = torch.is_autocast_enabled(flat.device.type)
        with torch.autocast(flat.device.type, enabled=False) if casts else nullcontext():
            vectors = self._in_blocks(flat)
        return vectors.view(*indices.shape, self.embedding_dim)

    def to_embc(self, path: str | Path, *, force: bool = False) -> None:
        """Write the file again, as the same bytes that it had.

        Raises:
            ParameterError: the layer is trainable: its numbers have no place in the file.
            OutputError: the target exists and ``force`` is not given, or cannot be written.
        """
        if self.decoder.trainable:
            raise ParameterError("a trainable layer cannot be written: its numbers are no longer those of the file")
        file = self._facts.file
        save(replace(file, codes=Codes(file.codes.bands, self.codes.streams())), path, force=force)

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{self.num_embeddings}, {self.embedding_dim}, method={self._facts.file.compressor.name}"

    def _kernels_apply(self, rows: Tensor) -> bool:
        """Whether the file's own decoder is to be used: of graded codes it is faster than operations on tensors."""
        return self._as_in_file and on_processor(rows)

    def _apply(self, function: Any, recurse: bool = True) -> Any:
        """Numbers may have another type from now on."""
        super()._apply(function, recurse)
        floats = [each for each in self.decoder.buffers() if each.is_floating_point()]
        self._as_in_file = self._as_in_file and all(each.dtype == torch.float32 for each in floats)
        return self

    def _load_from_state_dict(self, *arguments: Any) -> None:
        """Numbers may be others from now on."""
        super()._load_from_state_dict(*arguments)
        self._as_in_file = False

    def _require_rows(self, rows: Tensor) -> None:
        if rows.device.type == "cpu" and not torch.compiler.is_compiling() and len(rows):
            low, high = (int(each) for each in rows.aminmax())
            if low < 0 or high >= self.num_embeddings:
                raise IndexError(f"rows must be from 0 to {self.num_embeddings - 1}, got {low} to {high}")

    def _in_blocks(self, rows: Tensor) -> Tensor:
        if len(rows) <= ROWS_AT_ONCE or self._kernels_apply(rows):
            return self._decoded(rows)
        return torch.cat([self._decoded(block) for block in rows.split(ROWS_AT_ONCE)])

    def _decoded(self, rows: Tensor) -> Tensor:
        known = rows if self.missing is None else rows.clamp(max=self.n_rows - 1)
        if self._kernels_apply(rows):
            vectors = torch.from_numpy(self._facts.decoded(self.codes.streams(), known.numpy()))
        else:
            vectors = self.decoder(self.codes, known)
        vectors = vectors if self.decoder.offset is None else vectors + self.decoder.offset
        return vectors if self.missing is None else torch.where((rows < self.n_rows)[:, None], vectors, self.missing)


class _Facts:
    """All of a file but its codes; what is mapped from the file is copied when it is pickled."""

    def __init__(self, file: EncodedEmbedding) -> None:
        self.file = replace(file, codes=Codes(file.codes.bands, ()))

    def decoded(self, streams: Sequence[BytesArray], rows: RowIds) -> FloatArray:
        """Return the vectors of rows, given the streams of codes, float32."""
        return Codes(self.file.codes.bands, streams).decode(self.file.compressor, rows)

    def __getstate__(self) -> dict[str, Any]:
        file = self.file
        parts = [
            (bytes(part.words.index), bytes(part.words.pages), None if part.order is None else np.array(part.order))
            for part in file.vocabulary.parts
        ]
        text = file.text and (file.text.rules, file.text.tokenizer)
        state = {name: np.array(array) for name, array in file.compressor.get_state().items()}
        method = (file.compressor.name, file.compressor.get_config(), state)
        return {"parts": parts, "method": method, "text": text, "rest": (file.codes, file.source, file.report)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name, config, arrays = state["method"]
        compressor = make_compressor(name, **config)
        compressor.set_state(arrays)
        text = state["text"] and TextModel(state["text"][0], partial(dict, state["text"][1]))
        codes, source, report = state["rest"]
        vocabulary = Vocabulary([_part(number, *part) for number, part in enumerate(state["parts"])])
        self.file = EncodedEmbedding(vocabulary, codes, compressor, source, report, text)


def _part(number: int, index: bytes, pages: bytes, order: Any) -> Part:
    words = WordList(f"words.{number}", index, pages)
    return Part(words, None if order is None else partial(np.asarray, order), f"order.{number}")
