from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embcomp.comparison import workbench
from embcomp.comparison.cache import Cache
from embcomp.comparison.plan import Job
from embcomp.comparison.workbench import BASELINE, Evaluation, Result, Workbench, label
from embcomp.compressors.itq import ItqCompressor
from embcomp.compressors.registry import make_compressor
from embcomp.container.description import describe
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.eval import run
from embcomp.eval.suite import Settings

from .conftest import evaluation


def job(method: str, **options: object) -> Job:
    return Job(method, make_compressor(method, **options).get_config())


def test_the_first_row_is_the_source_itself(bench: Workbench, embedding: Embedding) -> None:
    (base,) = bench.compare([])
    n_words = sum(len(word) + 1 for word in embedding.words)
    assert base.method == BASELINE
    assert base.bytes == {"file": embedding.vectors.nbytes + n_words}
    assert base.ratio == {"vectors": 1.0, "file": 1.0}
    assert {mean.ratio for mean in base.means if mean.value is not None} == {1.0}


def test_sizes_and_scores_are_those_of_the_file_that_compress_writes(
    bench: Workbench, embedding: Embedding, data_dir: Path, tmp_path: Path
) -> None:
    _, result = bench.compare([job("itq", bits=8)])
    encoded = EncodedEmbedding.encode(embedding, make_compressor("itq", bits=8))
    save(encoded, tmp_path / "own.embc")
    described = describe(tmp_path / "own.embc")
    assert (result.bytes, result.ratio, result.bits_per_vector) == (described["bytes"], described["ratio"], 8)
    own = run.measure(encoded, "itq", run.choose(["similarity"], data_dir, has_baseline=False), Settings())
    singles = [score for score in result.scores if not score.is_mean]
    assert [score.value for score in singles] == [score.value for score in own]
    assert {score.task for score in singles} == {"one", "two", "SimLex-999", "WS-353"}
    assert [score.task for score in result.scores if score.is_mean] == ["mean of 2 of 4"]


def test_json_has_the_documented_names(bench: Workbench) -> None:
    for result in bench.compare([job("sign")]):
        document = result.to_json()
        assert set(document) >= {"method", "config", "bytes", "ratio", "seconds", "scores"}
        assert set(document["seconds"]) == {"fit", "encode"}
        assert set(document["scores"][0]) >= {"suite", "task", "metric", "value", "low", "high", "n_used", "oov"}


def test_a_second_run_only_does_what_is_new(
    embedding: Embedding, data_dir: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, suites = [], []
    fit, measure = ItqCompressor.fit, run.measure
    monkeypatch.setattr(ItqCompressor, "fit", lambda self, *given: fits.append(self.bits) or fit(self, *given))
    monkeypatch.setattr(
        run, "measure", lambda *given: suites.append((given[1], given[2][0][0].name)) or measure(*given)
    )

    def results(chosen: tuple[str, ...], *widths: int) -> list[Result]:
        fits.clear()
        suites.clear()
        bench = Workbench(embedding, evaluation(chosen, data_dir), cache)
        return bench.compare([job("itq", bits=width) for width in widths])

    first = results(("similarity",), 4)
    assert (fits, suites) == ([4], [(BASELINE, "similarity"), ("itq", "similarity")])
    assert results(("similarity",), 4) == first
    assert (fits, suites) == ([], [])
    results(("similarity",), 4, 6)
    assert (fits, suites) == ([6], [("itq", "similarity")])
    results(("similarity", "fidelity"), 4)
    assert (fits, suites) == ([], [(BASELINE, "fidelity"), ("itq", "fidelity")])


def test_source_is_read_before_anything_runs(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    fit, digest = ItqCompressor.fit, workbench._code_of
    monkeypatch.setattr(ItqCompressor, "fit", lambda self, *given: seen.append("fit") or fit(self, *given))
    monkeypatch.setattr(workbench, "_code_of", lambda part: seen.append(part.name) or digest(part))
    bench.compare([job("itq", bits=4), job("itq", bits=2), job("sign")])
    assert seen[:4] == ["itq", "itq", "sign", "similarity"]
    assert "fit" in seen


def test_other_vectors_words_or_data_are_not_mistaken_for_these(
    embedding: Embedding, data_dir: Path, cache: Cache
) -> None:
    turned = Embedding(embedding.words, embedding.vectors[::-1].copy(), embedding.source)
    renamed = Embedding([f"x{word}" for word in embedding.words], embedding.vectors, embedding.source)
    how = evaluation(("similarity",), data_dir)
    values = [
        [score.value for score in Workbench(each, how, cache).compare([job("sign")])[1].scores]
        for each in (embedding, turned, renamed)
    ]
    assert values[0] != values[1]
    assert values[2] == [None] * len(values[2])


def test_a_damaged_container_is_made_anew(embedding: Embedding, data_dir: Path, cache: Cache) -> None:
    bench = Workbench(embedding, evaluation(("similarity",), data_dir), cache)
    path, known = bench.container(job("sign"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    again, _ = bench.container(job("sign"))
    assert (again, path.read_bytes()) == (path, whole)
    assert known["bytes"]["file"] == len(whole)


def test_what_nothing_reaches_stays_as_a_row_with_a_note(bench: Workbench) -> None:
    _, result = bench.compare([Job("sign", None, "sign cannot reach it")])
    document = result.to_json()
    assert (document["config"], document["bytes"], document["scores"]) == (None, None, [])
    assert document["note"] == "sign cannot reach it"


def test_progress_counts_every_step(bench: Workbench) -> None:
    seen: list[tuple[str, int, int]] = []
    bench.compare([job("sign")], lambda stage, done, total, note="": seen.append((stage, done, total)))
    assert {total for *_, total in seen} == {4}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[0] == ("none: read", 0, 4)
    assert seen[-1] == ("done", 4, 4)


def test_labels_name_what_is_not_the_default() -> None:
    assert label("iiq", make_compressor("iiq", bits=50, random_state=3).get_config()) == "iiq bits=50"
    assert label("sign", make_compressor("sign").get_config()) == "sign"
    assert label("sign", None) == "sign"


def test_a_score_comes_back_from_the_cache_whole(bench: Workbench) -> None:
    (first,), (again,) = bench.compare([]), bench.compare([])
    assert again == first
    assert [score.p_value for score in again.scores] == [score.p_value for score in first.scores]
    for one, two in zip(first.scores, again.scores, strict=True):
        assert one.items == two.items
        assert (one.resamples is None) == (two.resamples is None)
        if one.resamples is not None:
            assert np.array_equal(one.resamples, two.resamples, equal_nan=True)


def test_what_is_not_installed_is_a_gap_that_is_not_kept(embedding: Embedding, data_dir: Path, cache: Cache) -> None:
    (suite, data), *_ = run.choose(["similarity"], data_dir, has_baseline=True)
    without = Evaluation([(replace(suite, missing=lambda: "a package"), data)])
    assert without.missing == ["suite 'similarity' needs a package"]
    (base,) = Workbench(embedding, without, cache).compare([])
    assert {(score.value, score.note) for score in base.scores if not score.is_mean} == {
        (None, "suite 'similarity' needs a package")
    }
    (base,) = Workbench(embedding, Evaluation([(suite, data)]), cache).compare([])
    assert any(score.value is not None for score in base.scores)


def test_the_digest_of_a_suite_changes_with_its_data(data_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "similarity"
    copy.mkdir()
    for path in (data_dir / "similarity").iterdir():
        (copy / path.name).write_text(path.read_text())
    same = evaluation(("similarity",), tmp_path).data
    assert same == evaluation(("similarity",), data_dir).data
    with (copy / "one.tsv").open("a") as file:
        file.write("b0w1\tb0w2\t9\n")
    assert evaluation(("similarity",), tmp_path).data != same


def test_the_source_is_left_as_it_was(embedding: Embedding, data_dir: Path, cache: Cache) -> None:
    before = embedding.vectors.copy()
    Workbench(embedding, evaluation(("similarity",), data_dir), cache).compare([job("iiq", bits=4)])
    assert np.array_equal(embedding.vectors, before)
