"""Tables of layers as ``.embc`` files, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from embcomp.codes import Codes, bands_of
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.embedding import Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, ParameterError
from embcomp.vocabulary import Vocabulary


def fitted(method: str, options: Mapping[str, Any], state: Mapping[str, Tensor]) -> Compressor:
    """Return a compressor with the numbers of a layer."""
    compressor = make_compressor(method, **options)
    compressor.set_state({name: np.ascontiguousarray(each.detach().cpu().numpy()) for name, each in state.items()})
    return compressor


class TableLayer(nn.Module):
    """Base of layers whose rows an ``.embc`` file can hold."""

    def to_embc(self, path: str | Path, words: Iterable[str], *, force: bool = False) -> None:
        """Write an ``.embc`` file, which ``from_embc`` reads.

        Args:
            path: the file; ``-`` for standard output.
            words: of the rows, distinct.
            force: replace an existing file.

        Raises:
            InputError: numbers of words and rows differ.
            OutputError: the target exists and ``force`` is not given, or cannot be written.
        """
        vocabulary, (table, codes) = Vocabulary.build(words), self._table()
        if len(vocabulary) != len(codes):
            raise InputError(f"there must be a word for each of {len(codes)} rows, got {len(vocabulary)}")
        packed = Codes.pack(bands_of(table, len(codes)), [codes.cpu().numpy()])
        source = Source(rows=len(codes), dim=table.dim)
        save(EncodedEmbedding(vocabulary, packed, table, source), path, force=force)

    def _table(self) -> tuple[Compressor, Tensor]:
        """Return a compressor with the numbers of the layer, and the codes of all rows as loose rows."""
        raise NotImplementedError


def read_table(path: str | Path, method: str) -> tuple[EncodedEmbedding, Any, dict[str, Tensor], Tensor]:
    """Return what a file holds, its compressor, the state of that, and the codes as loose rows.

    Raises:
        ParameterError: the file has another method, or lengths of rows.
    """
    file = open_container(path)
    if file.compressor.name != method:
        raise ParameterError(f"{path}: its method must be {method!r}, got {file.compressor.name!r}")
    if file.compressor.layout.length_bits:
        raise ParameterError(f"{path}: it has lengths of rows: `embcomp.torch.load` reads it")
    state = {name: torch.from_numpy(np.array(each)) for name, each in file.compressor.get_state().items()}
    return file, file.compressor, state, torch.from_numpy(np.array(file.codes.all_of_one_width))
