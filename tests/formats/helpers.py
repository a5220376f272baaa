from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.embedding import Embedding
from embcomp.errors import InputError
from embcomp.formats import ReadOptions, read_embedding


def read(path: Path, data: bytes | None = None, **options: Any) -> Embedding:
    if data is not None:
        path.write_bytes(data)
    return read_embedding(path, ReadOptions(**options))


def refusal(path: Path, data: bytes | None = None, **options: Any) -> str:
    """The message of the error that reading gives, without the folder."""
    with pytest.raises(InputError) as caught:
        read(path, data, **options)
    return str(caught.value).replace(f"{path.parent}/", "")


def rows(embedding: Embedding) -> dict[str, list[float]]:
    return dict(zip(embedding.words, embedding.vectors.tolist(), strict=True))


def float32(*numbers: float) -> list[float]:
    return np.array(numbers, dtype=np.float32).tolist()  # type: ignore[no-any-return]
