"""Codes in bands that differ in width, from fitting to searching the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embcomp import bits, threads
from embcomp.arrays import FloatArray, RowIds
from embcomp.bits import BytesArray
from embcomp.checks import Integer, option
from embcomp.cli.info import _details, _lines
from embcomp.codes import Band, Codes, CodesWriter, bands_of, encode_codes, fit_codes
from embcomp.compressors.base import CodeLayout, Compressor, Report
from embcomp.compressors.registry import make_compressor
from embcomp.compressors.state import array
from embcomp.container import reader
from embcomp.container.description import describe
from embcomp.container.reader import Container, open_container, verify
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError
from embcomp.progress import Progress
from embcomp.search import SearchIndex
from tests.container.builder import Parts

DIM = 10


class Graded(Compressor):
    """Signs: of all dimensions in the first rows, of fewer in later ones, which decode to 0 elsewhere."""

    name = "graded"
    summary = "for the tests"
    first: int = option(Integer(1), "rows of the first grade", default=7)
    second: int = option(Integer(1), "rows of the first two grades", default=20)
    scale_: FloatArray = array("<f4", "dim")

    def _fit(self, rows: FloatArray, progress: Progress) -> Report:
        self.scale_ = np.ones(rows.shape[1], np.float32)
        return {}

    @property
    def layout(self) -> CodeLayout:
        return self.layouts[0]

    @property
    def layouts(self) -> tuple[CodeLayout, ...]:
        return tuple(CodeLayout("binary", n_bits) for n_bits in self._widths)

    @property
    def grade_ends(self) -> tuple[int, ...]:
        return (self.first, self.second)

    @property
    def _widths(self) -> tuple[int, ...]:
        return (self.dim, self.dim - 3, 1)

    def _encode_grade(self, vectors: FloatArray, grade: int) -> BytesArray:
        return bits.pack(vectors[:, : self._widths[grade]] > 0)

    def _decode_grade(self, codes: BytesArray, row_ids: RowIds, grade: int) -> FloatArray:
        out = np.zeros((len(codes), self.dim), np.float32)
        n_bits = self._widths[grade]
        out[:, :n_bits] = 2.0 * bits.unpack(codes, n_bits) - 1
        return out

    def _encode_block(self, vectors: FloatArray) -> BytesArray:
        return self._encode_grade(vectors, 0)

    def _decode_block(self, codes: BytesArray, row_ids: RowIds) -> FloatArray:
        return self._decode_grade(codes, row_ids, 0)


def embedding(n_words: int) -> Embedding:
    vectors = np.random.default_rng(0).standard_normal((n_words, DIM)).astype(np.float32)
    return Embedding([f"w{number * 37 % n_words}" for number in range(n_words)], vectors)


def expected(vectors: FloatArray) -> FloatArray:
    signs = np.sign(vectors)
    signs[7:, 7:] = 0
    signs[20:, 1:] = 0
    return signs


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "compressor_class", lambda name: Graded)


@pytest.mark.parametrize(
    ("n_rows", "ends"), [(0, [0]), (1, [1]), (7, [7]), (8, [7, 8]), (20, [7, 20]), (21, [7, 20, 21])]
)
def test_bands_are_those_that_have_rows(n_rows: int, ends: list[int]) -> None:
    compressor = Graded().fit(embedding(5).vectors)
    bands = bands_of(compressor, n_rows)
    assert [band.end for band in bands] == ends
    assert [band.layout.row_bits for band in bands] == [10, 7, 1][: len(ends)]
    codes = encode_codes(compressor, embedding(max(1, n_rows)).vectors[:n_rows])
    assert codes.bands == tuple(bands)
    assert len(codes) == n_rows


@pytest.mark.parametrize("n_threads", [1, 4])
@pytest.mark.parametrize("step", [1, 4, 7, 13, 100])
def test_vectors_come_back_whatever_the_steps_they_came_in(
    step: int, n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_chosen", [n_threads])
    vectors = embedding(50).vectors
    compressor = Graded().fit(vectors)
    writer = CodesWriter(compressor)
    writer.add(vectors[:3])
    writer.add_chunks(vectors[start : start + step] for start in range(3, 40, step))
    for start in range(3 + -(-37 // step) * step, 50, step):
        writer.add(vectors[start : start + step])
    codes = writer.finish()
    at_once = fit_codes(Graded(), vectors)
    assert [one.tobytes() for one in codes.streams] == [one.tobytes() for one in at_once.streams]
    assert np.array_equal(codes.decode_all(compressor), expected(vectors))
    rows = np.array([30, 3, 8, 49, 0, 19, 20, 7, 6, 8])
    assert np.array_equal(codes.decode(compressor, rows), expected(vectors)[rows])
    assert codes.decode(compressor, rows[:0]).shape == (0, DIM)


def test_bits_are_counted_by_band() -> None:
    codes = fit_codes(Graded(), embedding(50).vectors)
    assert codes.row_bits == (7 * 10 + 13 * 7 + 30 * 1) / 50
    assert [len(stream) for stream in codes.streams] == [9, 12, 4]


def test_what_needs_one_width_is_refused() -> None:
    codes = fit_codes(Graded(), embedding(50).vectors)
    for action in (lambda: codes.of_one_width(np.arange(3)), lambda: codes.all_of_one_width):
        with pytest.raises(ParameterError, match=r"^codes must have one width, got 3$"):
            action()


@pytest.mark.parametrize("n_words", [0, 5, 12, 60])
def test_through_a_container(n_words: int, tmp_path: Path) -> None:
    source = embedding(max(1, n_words))
    source = Embedding(source.words[:n_words], source.vectors[:n_words])
    before = EncodedEmbedding.encode(source, Graded())
    path = tmp_path / "x.embc"
    save(before, path)
    assert verify(path) == []
    after = open_container(path)
    assert after.words == list(source.words)
    assert np.array_equal(after.decode_all(), expected(source.vectors))
    document = describe(path)
    assert [band["bytes"] for band in document["bands"]] == [len(stream) for stream in before.codes.streams]
    assert document["bytes"]["codes"] == sum(band["bytes"] for band in document["bands"])
    names = list(Container(path).sections)
    assert [name for name in names if name.startswith("codes")] == [
        f"codes.{n}" for n in range(len(document["bands"]))
    ]


def test_info_lists_the_bands(tmp_path: Path) -> None:
    save(EncodedEmbedding.encode(embedding(60), Graded()), tmp_path / "x.embc")
    document = describe(tmp_path / "x.embc")
    assert "bits         3.35 per word" in _lines(document)
    lines = _details(document)
    at = lines.index("  rows 0 to 6: 10 bits per word, 9 bytes")
    assert lines[at + 1 : at + 3] == [
        "  rows 7 to 19: 7 bits per word, 12 bytes",
        "  rows 20 to 59: 1 bits per word, 5 bytes",
    ]


def test_the_first_part_of_words_comes_before_the_codes_and_the_others_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embcomp.vocabulary.vocabulary.HEAD_WORDS", 16)
    save(EncodedEmbedding.encode(embedding(60), Graded()), tmp_path / "x.embc")
    assert list(Container(tmp_path / "x.embc").sections) == [
        *("state.scale", "words.0.index", "words.0.pages", "order.0", "codes.0", "codes.1", "codes.2"),
        *("words.1.index", "words.1.pages", "order.1"),
    ]
    assert Container(tmp_path / "x.embc").header["parts"] == [16, 60]


def test_without_order_words_stay_in_their_bands(tmp_path: Path) -> None:
    source = embedding(60)
    before = EncodedEmbedding.encode(source, Graded())
    save(before.without_order(), tmp_path / "x.embc")
    after = open_container(tmp_path / "x.embc")
    assert verify(tmp_path / "x.embc") == []
    words = list(source.words)
    assert after.words == sorted(words[:7]) + sorted(words[7:20]) + sorted(words[20:])
    assert all(np.array_equal(after.vector(word), before.vector(word)) for word in words)
    assert after.without_order().words == after.words


@pytest.mark.parametrize("n_before", [3, 15, 30])
def test_more_words_go_on_where_the_others_end(n_before: int) -> None:
    source = embedding(60)
    first = Embedding(source.words[:n_before], source.vectors[:n_before])
    grown, n_known = EncodedEmbedding.encode(first, Graded()).extended(source)
    assert n_known == n_before
    assert grown.words == list(source.words)
    assert np.array_equal(grown.decode_all(), expected(source.vectors))


def test_search_decodes_codes_of_different_widths() -> None:
    encoded = EncodedEmbedding.encode(embedding(60), Graded())
    index = SearchIndex(encoded)
    assert index.similarities == ("decoded",)
    vectors = encoded.decode_all().astype(np.float64)
    query = np.random.default_rng(1).standard_normal(DIM).astype(np.float32)
    found = index.search(query[None, :], 12)
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    np.testing.assert_allclose(found.scores[0], np.sort(cosines)[::-1][:12], atol=1e-5)
    np.testing.assert_allclose(cosines[found.ranks[0]], found.scores[0], atol=1e-5)


def test_bands_that_contradict_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("x.embc")
    save(EncodedEmbedding.encode(embedding(60), Graded()), path)
    parts = Parts(path.read_bytes())
    parts.document["config"]["first"] = 8
    path.write_bytes(parts.build())
    with pytest.raises(CorruptError, match=r"^x\.embc: the header says \[Band\(end=7, "):
        open_container(path)


def test_spare_bits_of_a_band(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("x.embc")
    save(EncodedEmbedding.encode(embedding(60), Graded()), path)
    parts = Parts(path.read_bytes())
    codes = bytearray(parts.bytes["codes.1"])  # 13 rows of 7 bits: 91 bits in 12 bytes
    codes[-1] |= 1
    parts.set_bytes("codes.1", bytes(codes))
    path.write_bytes(parts.build())
    assert verify(path) == ["x.embc: the spare bits after the last code of section 'codes.1' are not zero"]


def test_lengths_are_bits_of_a_row() -> None:
    layout = CodeLayout("indexed", 3, 5, length_bits=6)
    assert layout.row_bits == 21
    codes = Codes.pack([Band(4, layout)], [np.zeros((4, 3), np.uint8)])
    assert len(codes.streams[0]) == (4 * 21 + 7) // 8


def test_a_method_of_one_grade_has_one_band() -> None:
    compressor = make_compressor("sign").fit(embedding(9).vectors)
    assert bands_of(compressor, 9) == [Band(9, CodeLayout("binary", DIM))]
