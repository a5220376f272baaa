from __future__ import annotations

import pytest

from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.errors import ParameterError
from embcomp.formats import ReadOptions
from embcomp.keep import estimate
from embcomp.pipeline import encode_source


@pytest.mark.parametrize("sample_rows", [1_000, 3_000, 10_000])
@pytest.mark.parametrize(("method", "config"), [("transform", {"bits": 24}), ("iiq", {}), ("kd", {"ways": 8})])
def test_the_size_is_nearly_that_of_the_file(text, tmp_path, method, config, sample_rows, monkeypatch):
    monkeypatch.setattr(estimate, "SAMPLE_ROWS", sample_rows)
    target = tmp_path / "out.embc"
    expected = estimate.estimate(text, make_compressor(method, **config), ReadOptions())
    save(encode_source(text, make_compressor(method, **config), ReadOptions()), target)
    assert expected.file_bytes == pytest.approx(target.stat().st_size, rel=0.2)
    assert expected.rows == pytest.approx(3_000, rel=0.05)
    assert expected.seconds >= 0
    assert expected.memory_bytes > 4 * 3_000 * 24


def test_a_limit_is_kept_to(text, monkeypatch):
    monkeypatch.setattr(estimate, "SAMPLE_ROWS", 500)
    assert estimate.estimate(text, make_compressor("sign"), ReadOptions(limit=800)).rows == 800


def test_memory_is_of_what_is_held():
    assert estimate.memory_bytes(1_000, 10) == 1_000 * (4 * 10 + 200)
    assert estimate.memory_bytes(1_000, 10, head_rows=100) == 300 * 4 * 10 + 1_000 * 200


def test_a_stream_has_no_size(monkeypatch, text):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.read_bytes())))
    with pytest.raises(ParameterError) as caught:
        estimate.estimate("-", make_compressor("sign"), ReadOptions())
    assert str(caught.value) == "`estimate` needs a file of known size, got -"
