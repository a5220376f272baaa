"""Parts encoded apart and put together are what one machine makes of the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embcomp.collection.folders import Folder
from embcomp.collection.model import Model, Part, fit, open_model, parts_of
from embcomp.collection.parts import encode, find_parts, keep_model
from embcomp.collection.shards import merge
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.errors import CorruptError, EmbcompError, InputError, ParameterError
from embcomp.formats import ReadOptions
from embcomp.pipeline import encode_source

from .conftest import OPTIONS, copied, encode_all


def merged(paths: list[Path], target: Path) -> bytes:
    model, parts = find_parts([str(path) for path in paths])
    save(merge(parts, model), target, force=True)
    return target.read_bytes()


@pytest.fixture(scope="session")
def model_iiq(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("iiq") / "m.embm"
    save(fit([str(parts)], make_compressor("iiq"), OPTIONS), path)
    return path


def encoded(model_iiq: Path, source: Path, folder: Path) -> list[Path]:
    model = open_model(model_iiq)
    paths = encode_all(model, source, folder)
    keep_model(Folder(str(folder)), model_iiq, model)
    return paths


@pytest.mark.parametrize("n_shards", [1, 3])
def test_merged_parts_are_the_file_of_the_whole_source(
    model: Model, model_path: Path, single: Path, parts: Path, tmp_path: Path, n_shards: int
) -> None:
    paths = encode_all(model, parts, tmp_path, n_shards)
    keep_model(Folder(str(tmp_path)), model_path, model)
    assert merged(paths, tmp_path / "all.embc") == single.read_bytes()


def test_pieces_of_one_text_file(parts: Path, tmp_path: Path) -> None:
    text = tmp_path / "all.txt"
    text.write_bytes(b"".join(path.read_bytes() for path in sorted(parts.parent.glob(parts.name))))
    for name in ("iiq", "additive"):
        make: Callable[[], Compressor] = lambda name=name: make_compressor(name, grade=6.0)  # noqa: E731
        save(fit([str(text)], make(), OPTIONS, n_pieces=5), tmp_path / "m.embm", force=True)
        model, folder = open_model(tmp_path / "m.embm"), Folder(str(tmp_path / name))
        folder.make()
        keep_model(folder, tmp_path / "m.embm", model)
        for part in parts_of([str(text)], 5):
            encode(model, part, OPTIONS, folder)
        found, opened = find_parts([folder.root])
        pieces = merge(opened, found)
        whole = encode_source(text, make(), OPTIONS)
        assert pieces.words == whole.words
        for ours, theirs in zip(pieces.codes.streams, whole.codes.streams, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_part_that_is_there_is_not_made_again(model_iiq: Path, parts: Path, tmp_path: Path) -> None:
    source = copied(parts, tmp_path)
    first = encoded(model_iiq, source, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in first}
    assert encoded(model_iiq, source, tmp_path / "out") == first
    assert {path: path.stat().st_mtime_ns for path in first} == before
    changed = tmp_path / "p-1.txt"
    changed.write_bytes(changed.read_bytes()[:-1] + b"1\n")
    assert len(set(encoded(model_iiq, source, tmp_path / "out")) - set(first)) == 1


def test_a_part_is_known_wherever_its_folder_is(model_iiq: Path, parts: Path, tmp_path: Path) -> None:
    model = open_model(model_iiq)
    assert [model.number_of(part) for part in parts_of([str(copied(parts, tmp_path))])] == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"^other\.txt: is none of the 4 parts that the model was made from$"):
        model.number_of(Part("other.txt"))


def test_a_missing_part_is_named(model_iiq: Path, parts: Path, tmp_path: Path) -> None:
    paths = sorted(encoded(model_iiq, parts, tmp_path))
    with pytest.raises(InputError, match=r"p-2\.txt has not been encoded: 3 encoded parts, expected 4$"):
        find_parts([str(path) for path in paths[:2] + paths[3:]])
    with pytest.raises(InputError, match=r"^a part is there twice: 5 encoded parts, expected 4$"):
        find_parts([str(path) for path in [*paths, paths[0]]])
    with pytest.raises(InputError, match="has no encoded parts"):
        find_parts([str(tmp_path / "empty")])


@pytest.mark.parametrize("keep", [0, 10, 1000, -1])
def test_a_truncated_part_is_named(model_iiq: Path, parts: Path, tmp_path: Path, keep: int) -> None:
    paths = encoded(model_iiq, parts, tmp_path)
    paths[1].write_bytes(paths[1].read_bytes()[:keep])
    with pytest.raises(CorruptError) as refused:
        merged(paths, tmp_path / "all.embc")
    assert str(refused.value).startswith(f"{paths[1]}: is damaged, expected what 'embcomp encode' made: ")
    assert not (tmp_path / "all.embc").exists()


def test_every_flipped_byte_of_a_part_is_found_or_changes_nothing(
    model_iiq: Path, parts: Path, tmp_path: Path
) -> None:
    paths = encoded(model_iiq, parts, tmp_path)
    whole = merged(paths, tmp_path / "all.embc")
    data = paths[0].read_bytes()
    for place in range(0, len(data), 997):
        paths[0].write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            same = merged(paths, tmp_path / "again.embc") == whole
        except EmbcompError as error:
            same = str(paths[0]) in str(error)
        assert same, place


def test_a_model_that_cannot_encode_parts(parts: Path) -> None:
    with pytest.raises(ParameterError, match="prune: learns the codes of all rows at once, so parts"):
        fit([str(parts)], make_compressor("prune"), OPTIONS)
    with pytest.raises(ParameterError, match="`limit` is of a whole file, and not allowed for a source in parts"):
        fit([str(parts)], make_compressor("sign"), ReadOptions(limit=5))


def test_options_of_reading_are_those_of_the_model(model_iiq: Path, parts: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="must be those of the model, none, got"):
        encode(open_model(model_iiq), parts_of([str(parts)])[0], ReadOptions(bad_rows="skip"), Folder(str(tmp_path)))


def test_a_container_is_no_model(single: Path) -> None:
    with pytest.raises(CorruptError, match="expected a model that 'embcomp fit' made"):
        open_model(single)


def test_a_part_without_wanted_words(parts: Path, tmp_path: Path) -> None:
    options = ReadOptions(words=frozenset({"wörd-3", "wörd-1700", "missing"}))
    save(fit([str(parts)], make_compressor("sign"), options), tmp_path / "m.embm")
    model, folder = open_model(tmp_path / "m.embm"), Folder(str(tmp_path))
    keep_model(folder, tmp_path / "m.embm", model)
    for part in parts_of([str(parts)]):
        encode(model, part, options, folder)
    save(encode_source(parts, make_compressor("sign"), options), tmp_path / "one.embc")
    assert merged([tmp_path], tmp_path / "all.embc") == (tmp_path / "one.embc").read_bytes()


def test_a_word_in_two_parts_is_refused_if_words_must_differ(parts: Path, tmp_path: Path) -> None:
    for name in ("p-0.txt", "p-2.txt"):
        (tmp_path / name).write_bytes((parts.parent / name).read_bytes().replace(b"d-3 ", b"d-x ", 1))
    (tmp_path / "p-3.txt").write_bytes((tmp_path / "p-2.txt").read_bytes())
    options, source = ReadOptions(duplicates="error"), str(tmp_path / "p-[23].txt")
    save(fit([source], make_compressor("sign"), options), tmp_path / "m.embm")
    model, folder = open_model(tmp_path / "m.embm"), Folder(str(tmp_path))
    keep_model(folder, tmp_path / "m.embm", model)
    for part in parts_of([source]):
        encode(model, part, options, folder)
    with pytest.raises(InputError, match=r"^vocabulary: words must be distinct, got 'wörd-900' twice$"):
        merged([tmp_path], tmp_path / "all.embc")
