"""One file of encoded parts."""

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
from embcomp.vocabulary import HEAD_WORDS, Vocabulary, VocabularyBuilder


def merge(parts: list[EncodedPart], model: Model) -> EncodedEmbedding:
    """Put encoded parts together: what compressing the whole source in one go gives, to the byte.

    Raises:
        CorruptError: a part is damaged.
        InputError: the parts have other rows than the model was made from.
    """
    firsts = accumulate((part.n_rows for part in parts), initial=0)
    found = [no_rows(model.compressor)]
    for part, first in zip(parts, firsts, strict=False):
        found.append(Rows.interleaved([part.rows(shard, model.compressor, first) for shard in range(part.n_shards)]))
    vocabulary, rows, _ = distinct(Rows.joined(found), strict=model.strict)
    require_grades([len(loose) for loose in rows.codes], model)
    source = whole_source(parts, model, len(rows.words))
    return EncodedEmbedding(vocabulary, rows.pack(model.compressor), model.compressor, source, model.report)


def distinct(rows: Rows, *, strict: bool = False) -> tuple[Vocabulary, Rows, RowIds]:
    """Return the words of rows, the rows without those of words that came before, and the positions of these.

    Raises:
        InputError: there are such rows, and ``strict``.
    """
    builder = VocabularyBuilder([HEAD_WORDS], strict=strict)
    builder.extend(rows.words)
    words, repeated = builder.finish()
    if not len(repeated):
        return Vocabulary(words), rows, repeated
    kept = np.delete(np.arange(len(rows.words), dtype=np.int64), repeated)
    return Vocabulary(words), rows.take(kept), rows.positions[repeated]


def require_grades(counts: list[int], model: Model) -> None:
    """Refuse rows, so many of each grade, whose grades do not end where the model says."""
    expected = [band.end for band in bands_of(model.compressor, sum(counts))]
    ends = list(accumulate(count for count in counts if count)) or [0]
    if ends != expected:
        raise InputError(f"grades end at rows {ends}, expected {expected}: parts are not those of the model")
