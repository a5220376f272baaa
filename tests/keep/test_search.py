from __future__ import annotations

from dataclasses import replace

import pytest

from embcomp.container.description import describe
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.errors import ParameterError
from embcomp.eval.suite import Settings
from embcomp.formats import ReadOptions
from embcomp.keep.judge import Judge, kept
from embcomp.keep.search import METHODS, Search, read_source
from embcomp.text.model import TextModel, TextRules

SHARE = 0.9


@pytest.fixture(scope="module")
def found(source, chosen):
    return Search(source, chosen, SHARE).run()


def file_bytes(encoded, folder) -> int:
    path = folder / "one.embc"
    save(encoded, path, force=True)
    return path.stat().st_size


def lower_bound(source, chosen, encoded) -> float:
    return kept(Judge(chosen, lambda suite: source, Settings()).shares(lambda suite: encoded))


def test_what_is_found_keeps_enough_for_sure(source, chosen, found):
    assert lower_bound(source, chosen, found.encoded) >= SHARE
    assert kept(found.shares) >= SHARE
    assert {trial.compressor.name for trial in found.trials} <= set(METHODS)
    assert found.trials[0].compressor.name == METHODS[0]


def test_it_is_within_a_tenth_of_the_smallest_of_all(source, chosen, found, tmp_path):
    from embcomp.compressors.registry import make_compressor
    from embcomp.encoded import EncodedEmbedding

    every = [(method, {"bits": bits}) for method in ("transform", "additive") for bits in range(3, 60, 2)] + [
        ("iiq", {"bits": bits}) for bits in (12, 18, 24)
    ]
    sizes = []
    for method, config in [*every, ("sign", {})]:
        encoded = EncodedEmbedding.encode(source, make_compressor(method, **config))
        if lower_bound(source, chosen, encoded) >= SHARE:
            sizes.append(file_bytes(encoded, tmp_path))
    evidence = 1_500  # bytes of the report that only the found file has
    assert file_bytes(found.encoded, tmp_path) - evidence <= 1.1 * min(sizes)


def test_the_evidence_is_in_the_file(found, tmp_path):
    file_bytes(found.encoded, tmp_path)
    evidence = describe(tmp_path / "one.embc")["report"]["kept"]
    (suite,) = evidence["suites"]
    assert evidence["share"] == SHARE
    assert suite == found.shares[0].to_json()
    assert set(suite) == {"suite", "metric", "task", "value", "source", "share", "low"}
    assert evidence["tried"] == [trial.to_json() for trial in found.trials]
    assert set(evidence["tried"][0]) == {"method", "bits", "bytes", "low"}


def test_expected_bytes_are_nearly_those_of_the_file(found, tmp_path):
    trial = min((each for each in found.trials if each.low >= SHARE), key=lambda each: each.n_bytes)
    assert trial.n_bytes == pytest.approx(file_bytes(found.encoded, tmp_path), rel=0.25)  # a header is a large part


def test_more_can_be_asked_than_there_is(source, chosen):
    found = Search(source, chosen, 1.5).run(["transform"])
    assert found.encoded is None
    assert max(trial.width for trial in found.trials) == 8 * source.dim


def test_the_least_there_is(source, chosen):
    found = Search(source, chosen, 0.01).run(["transform"])
    assert min(trial.width for trial in found.trials) == 3
    assert found.encoded.compressor.bits == 3


def test_a_method_with_its_bits_given_is_judged_as_it_is(source, chosen):
    found = Search(source, chosen, 0.2).run(["iiq"], {"bits": 20})
    assert {trial.width for trial in found.trials} == {None}
    assert found.encoded.compressor.bits == 20


def test_without_order(source, chosen, tmp_path):
    found = Search(source, chosen, 0.5, drop_order=True).run(["transform"])
    file_bytes(found.encoded, tmp_path)
    assert not open_container(tmp_path / "one.embc").ordered
    assert "kept" in describe(tmp_path / "one.embc")["report"]


def test_the_tokenizer_of_a_sentence_model_is_kept(source, chosen):
    model = TextModel(TextRules(), dict)
    found = Search(replace(source, text=model), chosen, 0.2).run(["sign"])
    assert found.encoded.text is model


def test_seeds_are_passed_on(source, chosen):
    assert Search(source, chosen, 0.2, seed=7).run(["iiq"]).encoded.compressor.random_state == 7


def test_a_source_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "source.txt"
    path.write_text("a 1 2 3 4\nb 4 3 2 1\n", encoding="utf-8")
    assert read_source(path, ReadOptions(), max_memory=32).words == ["a", "b"]
    with pytest.raises(ParameterError) as caught:
        read_source(path, ReadOptions(), max_memory=31)
    assert str(caught.value) == (
        "`keep` needs all rows in memory at once, `max_memory` allows 31 bytes; raise it, "
        "or name a method and its bits"
    )
