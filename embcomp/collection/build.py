"""Files from encoded parts: one ``.embc`` of all rows, or one of each shard."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from embcomp.arrays import RowIds
from embcomp.codes import bands_of
from embcomp.collection.model import Model
from embcomp.collection.parts import EncodedPart, whole_source
from embcomp.collection.rows import Rows, no_rows
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError
from embcomp.vocabulary import Vocabulary


def merge(parts: list[EncodedPart], model: Model) -> EncodedEmbedding:
    """Put encoded parts together: what compressing the whole source in one go gives, to the byte.

    Raises:
        CorruptError: a part is damaged.
        InputError: the parts have other rows than the model was made from.
    """
    seen: set[str] = set()
    found = [no_rows(model.compressor)]
    for part, first in zip(parts, first_positions(parts), strict=False):
        shards = [part.rows(shard, model.compressor, first) for shard in range(part.n_shards)]
        found.append(first_rows(Rows.interleaved(shards), seen, part, model)[0])
    rows = Rows.joined(found)
    require_grades(rows, model)
    vocabulary, codes = Vocabulary.build(rows.words), rows.pack(model.compressor)
    source = whole_source(parts, model, len(rows.words))
    return EncodedEmbedding(vocabulary, codes, model.compressor, source, model.report)


def first_positions(parts: list[EncodedPart]) -> list[int]:
    """Return the position of the first row of each part, and the number of all rows."""
    return list(accumulate((part.n_rows for part in parts), initial=0))


def first_rows(rows: Rows, seen: set[str], part: EncodedPart, model: Model) -> tuple[Rows, RowIds]:
    """Drop rows of words that are in ``seen`` or come again; return the rest, and the positions dropped.

    Raises:
        InputError: there are such rows, and the source is to have none.
    """
    kept, dropped = rows.first_of_each(seen)
    if len(dropped) and model.strict:
        word = rows.words[int(np.searchsorted(rows.positions, dropped[0]))]
        raise InputError(f"{part.source.name}: the word {word!r} is in an earlier part, expected distinct words")
    return kept, dropped


def require_grades(rows: Rows, model: Model) -> None:
    """Refuse rows whose grades do not begin where the model says."""
    bands = bands_of(model.compressor, len(rows.words))
    ends = list(accumulate(len(loose) for loose in rows.codes if len(loose))) or [0]
    if ends != [band.end for band in bands]:
        raise InputError(
            f"grades end at rows {ends}, expected {[band.end for band in bands]}: "
            "the parts are not those that the model was made from"
        )
