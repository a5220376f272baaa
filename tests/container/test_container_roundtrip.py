"""What is written comes back, the same bytes every time."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.compressors.registry import make_compressor
from embcomp.container.description import describe
from embcomp.container.layout import canonical_json
from embcomp.container.reader import Container, open_container, verify
from embcomp.container.writer import save, write
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError
from tests.container.builder import WORDS, encoded


def written(embedding: EncodedEmbedding) -> bytes:
    file = io.BytesIO()
    write(embedding, file)
    return file.getvalue()


@pytest.mark.parametrize("method", ["sign", "itq", "iiq"])
def test_everything_comes_back(path: Path, method: str) -> None:
    before = encoded(method)
    save(before, path)
    after = open_container(path)
    assert after.words == WORDS
    assert after.dim == 5
    assert np.array_equal(after.codes.streams[0], before.codes.streams[0])
    assert np.array_equal(after.decode_all(), before.decode_all())
    assert np.array_equal(after.vector("queen"), before.vector("queen"))
    assert after.source == before.source
    assert after.report == before.report
    assert after.compressor.get_config() == before.compressor.get_config()
    assert verify(path) == []


def test_saving_what_was_opened_gives_the_same_file(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.embc"
    save(open_container(saved), again)
    assert again.read_bytes() == saved.read_bytes()


def test_the_same_embedding_gives_the_same_bytes() -> None:
    assert written(encoded(bits=3)) == written(encoded(bits=3))


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    save(encoded(bits=3), "-")
    assert capfdbinary.readouterr().out == written(encoded(bits=3))


def test_without_the_source_order(path: Path) -> None:
    before = encoded(bits=3)
    save(before.without_order(), path)
    after = open_container(path)
    assert not after.vocabulary.has_order
    assert after.words == sorted(WORDS)
    assert all(np.array_equal(after.vector(word), before.vector(word)) for word in WORDS)
    assert verify(path) == []
    assert "order.0" not in Container(path).sections
    assert describe(path)["bytes"]["order"] == 0
    save(after, path, force=True)  # what is gone stays gone
    assert "order.0" not in Container(path).sections


def test_an_existing_file_is_kept(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(OutputError, match="exists already; `force` replaces it"):
        save(encoded("sign"), saved)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("method", ["sign", "itq", "iiq"])
@pytest.mark.parametrize("n_rows", [0, 1])
def test_few_rows(path: Path, method: str, n_rows: int) -> None:
    embedding = Embedding(["only"][:n_rows], np.ones((n_rows, 3), np.float32))
    before = EncodedEmbedding.encode(embedding, make_compressor(method))
    save(before, path)
    after = open_container(path)
    assert after.words == ["only"][:n_rows]
    assert after.decode_all().shape == (n_rows, 3)
    assert after.mean_vector().shape == (3,)
    assert verify(path) == []
    assert describe(path)["rows"] == n_rows


def test_sections_start_at_multiples_of_64_and_tile_the_file(saved: Path) -> None:
    container = Container(saved)
    end = container.header_end
    for section in container.sections.values():
        assert section.offset % 64 == 0
        assert 0 <= section.offset - end < 64
        end = section.offset + section.length
    assert end == saved.stat().st_size


def test_the_header_tells_no_clock_no_path_and_no_host(saved: Path) -> None:
    assert set(Container(saved).header) == {
        "bands", "config", "dim", "method", "parts", "producer", "report", "rows", "sections", "source",
    }  # fmt: skip
    assert str(saved.parent.absolute()).encode() not in saved.read_bytes()


def test_describe_counts_every_byte(saved: Path) -> None:
    document = describe(saved)
    sizes, sections = document["bytes"], Container(saved).sections
    assert sizes["file"] == saved.stat().st_size
    assert sizes["codes"] == 3  # 6 rows of 3 bits
    assert sizes["order"] == 3  # 6 rows of 3 bits: 0 to 5
    assert sizes["vocabulary"] == sum(part.length for name, part in sections.items() if name.startswith("words."))
    assert document["bands"] == [{"end": 6, "bits": 3, "length_bits": 0, "bytes": 3}]
    assert sizes["state"] == sum(part.length for name, part in sections.items() if name.startswith("state."))
    assert sizes["decode_state"] == 4 * (5 * 3 + 5 + 1)  # rotation, mean, scale
    assert document["bits_per_vector"] == 3
    assert document["ratio"]["vectors"] == round(6 * 5 * 4 / (3 + sizes["decode_state"]), 3)
    words = sum(len(word.encode()) + 1 for word in WORDS)
    assert document["ratio"]["file"] == round((6 * 5 * 4 + words) / sizes["file"], 3)
    assert document["source"]["name"] == "six.txt"


def test_opening_does_not_read_the_codes(saved: Path) -> None:
    """They are checked by verify; a flipped bit in them does not keep the rest from being read."""
    section = Container(saved).sections["codes.0"]
    data = bytearray(saved.read_bytes())
    data[section.offset] ^= 0x80
    saved.write_bytes(data)
    assert open_container(saved).words == WORDS
    assert verify(saved) == ["x.embc: the checksum of section 'codes.0' does not match"]


def test_arrays_are_views_of_the_file_that_nobody_can_write_to(saved: Path) -> None:
    embedding = open_container(saved)
    assert not embedding.codes.streams[0].flags.writeable
    assert not embedding.compressor.get_state()["rotation"].flags.writeable


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), unique=True, max_size=12),
    st.integers(1, 9),
    st.sampled_from(["sign", "itq", "iiq"]),
    st.integers(0, 2**32 - 1),
)
def test_any_words_and_any_vectors(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], dim: int, method: str, seed: int
) -> None:
    vectors = np.random.default_rng(seed).standard_normal((len(words), dim)).astype(np.float32)
    before = EncodedEmbedding.encode(Embedding(words, vectors), make_compressor(method))
    path = tmp_path_factory.getbasetemp() / "any.embc"
    save(before, path, force=True)
    after = open_container(path)
    assert after.words == words
    assert np.array_equal(after.decode_all(), before.decode_all())
    assert verify(path) == []


def test_headers_hold_no_number_that_is_not_json() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical_json({"report": {"loss": number}})
