"""safetensors and finalfusion files, read back by the programs they are for; the bytes too, without these."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from embcomp.errors import OutputError, ParameterError
from embcomp.formats import write_embedding

WORDS = ["the", "été", "a b", "x\ny", "x\x00"]
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3) / 7


def write(path: Path | str, format_name: str) -> None:
    blocks = [(WORDS[:2], VECTORS[:2]), (WORDS[2:], VECTORS[2:])]
    write_embedding(path, format_name, blocks, 5, 3)


def words_of(text: bytes, ends: list[int]) -> list[str]:
    return [text[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def test_safetensors_bytes(tmp_path: Path) -> None:
    path = tmp_path / "o.safetensors"
    write(path, "safetensors")
    data = path.read_bytes()
    (n_header,) = struct.unpack_from("<Q", data)
    assert (8 + n_header) % 64 == 0
    header = json.loads(data[8 : 8 + n_header])
    assert {name: entry["dtype"] for name, entry in header.items()} == {
        "vectors": "F32",
        "words": "U8",
        "word_ends": "I64",
    }
    body = data[8 + n_header :]
    assert header["word_ends"]["data_offsets"][1] == len(body)
    assert body[:60] == VECTORS.tobytes()
    text = "".join(WORDS).encode()
    assert body[60 : 60 + len(text)] == text
    assert words_of(text, np.frombuffer(body[60 + len(text) :], dtype="<i8").tolist()) == WORDS


def test_safetensors_reads_it(tmp_path: Path) -> None:
    numpy_loader = pytest.importorskip("safetensors.numpy", reason="the package safetensors is not installed")
    path = tmp_path / "o.safetensors"
    write(path, "safetensors")
    tensors = numpy_loader.load_file(path)
    np.testing.assert_array_equal(tensors["vectors"], VECTORS)
    assert words_of(tensors["words"].tobytes(), tensors["word_ends"].tolist()) == WORDS


def test_finalfusion_bytes(tmp_path: Path) -> None:
    path = tmp_path / "o.fifu"
    write_embedding(path, "finalfusion", [(["ab"], np.array([[1.5, -2]], np.float32))], 1, 2)
    vocabulary = struct.pack("<IQQI", 1, 14, 1, 2) + b"ab"
    before = b"FiFu" + struct.pack("<5I", 0, 3, 1, 2, 6) + vocabulary
    padding = 4 - (len(before) + 28) % 4
    array = struct.pack("<IQQII", 2, 16 + padding + 8, 1, 2, 10) + bytes(padding) + struct.pack("<2f", 0.6, -0.8)
    norms = struct.pack("<IQQI", 6, 12 + 4 + 4, 1, 10) + bytes(4) + struct.pack("<f", 2.5)
    assert path.read_bytes() == before + array + norms


@pytest.mark.parametrize("first_word", ["", "a", "ab", "abc", "abcd"])
def test_finalfusion_reads_it(tmp_path: Path, first_word: str) -> None:
    finalfusion = pytest.importorskip("finalfusion", reason="the package finalfusion is not installed")
    path = tmp_path / "o.fifu"
    words = [first_word, *WORDS[1:]]
    write_embedding(path, "finalfusion", [(words, VECTORS)], 5, 3)
    for mmap in (False, True):
        loaded = finalfusion.load_finalfusion(str(path), mmap=mmap)
        assert loaded.vocab.words == words
        np.testing.assert_allclose(np.asarray(loaded.storage) * loaded.norms[:, None], VECTORS, rtol=1e-6)
        units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
        for word, similarity in ((each.word, each.similarity) for each in loaded.word_similarity(words[1], k=4)):
            assert similarity == pytest.approx(units[1] @ units[words.index(word)], abs=1e-6)


@pytest.mark.parametrize("format_name", ["safetensors", "finalfusion"])
def test_they_need_a_file(format_name: str) -> None:
    with pytest.raises(
        ParameterError,
        match=f"^the format {format_name} needs a plain file, got standard output or a compressed one$",
    ):
        write("-", format_name)


@pytest.mark.parametrize("format_name", ["safetensors", "finalfusion"])
def test_a_failure_leaves_nothing(tmp_path: Path, format_name: str) -> None:
    with pytest.raises(OutputError, match="got 1 rows, expected 2"):
        write_embedding(tmp_path / "o", format_name, [(["a"], VECTORS[:1])], 2, 3)
    assert list(tmp_path.iterdir()) == []
