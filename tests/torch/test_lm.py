from __future__ import annotations

import gzip
import json
import math
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import embcomp
from embcomp.cli.main import run
from embcomp.container.reader import open_container
from embcomp.errors import InputError, OutputError, ParameterError
from embcomp.torch.lm.commands import group
from embcomp.torch.lm.corpus import Lexicon, streams
from embcomp.torch.lm.model import LanguageModel
from embcomp.torch.lm.packed import load_model
from embcomp.torch.lm.running import Texts, evaluate, train
from embcomp.torch.lm.systems import Recipe, build
from embcomp.torch.lm.training import Sampler, Training, clip_gradients, perplexity, rate_at
from tests.schemas import problems

SMALL: dict[str, Any] = {"hidden": 8, "epochs": 2, "streams": 4, "time": 10, "sampled": 16, "inter": 4}
PEOPLE, VERBS, THINGS = ["ann", "bob", "eve"], ["sees", "likes", "draws"], ["a house", "the tree", "old boats", "it"]


def sentences(n_lines: int, seed: int) -> str:
    drawn = random.Random(seed)
    lines = (" ".join(drawn.choice(part) for part in (PEOPLE, VERBS, THINGS)) for _ in range(n_lines))
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    made = Texts(tmp_path / "train.txt", tmp_path / "valid.txt", tmp_path / "test.txt")
    for seed, (path, n_lines) in enumerate(zip(made, (120, 20, 20), strict=True)):
        path.write_text(sentences(n_lines, seed), encoding="utf-8")
    return made


def test_words_are_in_descending_order_of_frequency_and_the_unknown_word_is_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "text.txt.gz"
    path.write_bytes(gzip.compress(b" b a \nb\n\n"))
    lexicon = Lexicon.of(path)
    assert lexicon.words == ("<eos>", "b", "a", "<unk>")
    assert lexicon.counts == (3, 2, 1, 0)
    other = tmp_path / "other.txt"
    other.write_text("a x b\n")
    assert lexicon.ids(other).tolist() == [2, 3, 1, 0]


def test_words_beyond_the_limit_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("b b a c\nd\n")
    lexicon = Lexicon.of(path, 2)
    assert lexicon.words == ("<unk>", "<eos>", "b")
    assert lexicon.counts == (3, 2, 2)


def test_a_text_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    with pytest.raises(InputError, match=r"empty\.txt: has no lines, expected a text with one sentence a line"):
        Lexicon.of(empty)
    with pytest.raises(InputError, match=r"absent\.txt: cannot be read as text: .*No such file"):
        Lexicon.of(tmp_path / "absent.txt")


def test_streams_are_equal_parts_side_by_side() -> None:
    assert streams(torch.arange(7), 3).tolist() == [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(InputError, match="the text must have at least 6 words for 3 streams, got 5"):
        streams(torch.arange(5), 3)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    assert [round(rate_at(done), 6) for done in (0.025, 0.05, 0.23, 0.615, 1)] == [0.5, 1, 1, 0.51, 0.02]


def test_the_loss_over_all_words_is_the_exact_one(texts: Texts) -> None:
    lexicon = Lexicon.of(texts.train)
    training = Training(
        build(Recipe(**SMALL | {"sampled": 1000, "dropout": 0.0}), len(lexicon.words)),
        Recipe(**SMALL | {"sampled": 1000, "dropout": 0.0}),
        lexicon.counts,
        lexicon.ids(texts.train),
    )
    ids, targets = training.data[:10], training.data[1:11]
    hidden, _ = training.model.hidden(ids, training.state)
    exact = functional.cross_entropy(training.model.logits(hidden).flatten(0, 1), targets.flatten())
    assert training._loss(ids, targets).item() == pytest.approx(exact.item(), rel=1e-6)


def test_a_sample_has_the_targets_and_each_words_probability_of_being_in_it() -> None:
    counts, n_targets, n_words = (60, 25, 10, 5), 2, 3
    sampler = Sampler(counts, n_words, n_targets)
    generator = torch.Generator().manual_seed(0)
    targets = torch.tensor([3, 1])
    words, places, _ = sampler.draw(targets, generator)
    assert words[places].tolist() == [3, 1]
    assert words.tolist() == sorted(set(words.tolist()))
    text = torch.tensor([count / 101 for count in counts])  # the texts' words, smoothed by one more
    roots = torch.tensor(counts).sqrt() / torch.tensor(counts).sqrt().sum()
    absent = (1 - text) ** n_targets * (1 - roots) ** n_words
    torch.testing.assert_close(sampler.log_inclusion, (1 - absent).log(), rtol=1e-5, atol=1e-6)


def test_sparse_and_dense_gradients_are_clipped_alike() -> None:
    dense, table = nn.Linear(2, 2), nn.Embedding(3, 2, sparse=True)
    table(torch.tensor([1, 1, 2])).sum().backward()
    dense(torch.ones(2)).sum().backward()
    norm = math.sqrt(2 * 2**2 + 2 * 1 + 6)
    clip_gradients([table.weight, *dense.parameters()], norm / 10)
    assert table.weight.grad.to_dense().tolist() == pytest.approx(
        np.array([[0, 0], [0.2, 0.2], [0.1, 0.1]]), rel=1e-5
    )
    assert dense.bias.grad.tolist() == pytest.approx([0.1, 0.1], rel=1e-5)
    clip_gradients([dense.bias], 10)
    assert dense.bias.grad.tolist() == pytest.approx([0.1, 0.1], rel=1e-5)


def test_perplexity_is_that_of_one_word_after_the_other(texts: Texts) -> None:
    lexicon = Lexicon.of(texts.train)
    model = build(Recipe(**SMALL), len(lexicon.words))
    ids = lexicon.ids(texts.valid)[:30]
    state, surprise = model.start(1), 0.0
    for word, following in pairwise(ids):
        hidden, state = model.hidden(word.view(1, 1), state)
        surprise -= torch.log_softmax(model.logits(hidden[0, 0]), dim=0)[following].item()
    assert perplexity(model, ids) == pytest.approx(math.exp(surprise / 29), rel=1e-5)


def test_rows_that_a_batch_does_not_use_are_left_alone(texts: Texts) -> None:
    for system in ("float", "belm"):
        recipe = Recipe(**SMALL | {"system": system, "sampled": 0})
        lexicon = Lexicon.of(texts.train)
        model = build(recipe, len(lexicon.words))
        table = model.source.weight if system == "float" else model.source.matrix.weight
        before = table.detach().clone()
        training = Training(model, recipe, lexicon.counts, lexicon.ids(texts.train))
        training._advance(10)
        training._advance(10)
        changed = (table.detach() != before).any(dim=1)
        assert set(changed.nonzero().flatten().tolist()) == set(training.data[:20].flatten().tolist())


class KilledError(Exception):
    pass


@pytest.mark.parametrize("system", ["float", "belm", "bllm", "alone"])
def test_a_training_that_was_killed_ends_as_if_it_had_not_been(
    system: str, texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embcomp.torch.lm.training.STEPS_BETWEEN_CHECKPOINTS", 3)
    recipe = Recipe(**SMALL | {"system": system})
    whole = train(recipe, texts, tmp_path / "whole")

    def kill(stage: str, done: int, total: int, note: str = "", /) -> None:
        if done in (5, total - 2):
            raise KilledError

    for _ in range(2):
        with pytest.raises(KilledError):
            train(recipe, texts, tmp_path / "killed", progress=kill)
    again = train(recipe, texts, tmp_path / "killed")
    for facts in (whole, again):
        for part in (facts, *facts["epochs"]):
            part.pop("cpu_seconds")
    assert again == whole
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "killed" / path.name).read_bytes() == path.read_bytes() or path.name == "lm.json"
    assert not (tmp_path / "killed" / "checkpoint.pt").exists()


def test_a_training_does_not_go_on_with_other_options(texts: Texts, tmp_path: Path) -> None:
    def kill(stage: str, done: int, total: int, note: str = "", /) -> None:
        if note.endswith("valid"):
            return
        if (tmp_path / "model" / "checkpoint.pt").exists():
            raise KilledError

    with pytest.raises(KilledError):
        train(Recipe(**SMALL), texts, tmp_path / "model", progress=kill)
    with pytest.raises(InputError, match=r"checkpoint\.pt: .* had hidden 8, not 9"):
        train(Recipe(**SMALL | {"hidden": 9}), texts, tmp_path / "model")


def logits(model: LanguageModel) -> np.ndarray:
    with torch.no_grad():
        hidden, _ = model.hidden(torch.arange(10)[:, None] % 5, model.start(1))
        return model.logits(hidden).numpy()


@pytest.fixture
def trained(texts: Texts, tmp_path: Path) -> Path:
    train(Recipe(**SMALL), texts, tmp_path / "float")
    return tmp_path / "float"


def compressed(folder: Path, method: str, **options: Any) -> Path:
    words = (folder / "words.txt").read_text(encoding="utf-8").split()
    target = folder.with_name(f"{method}.embc")
    embcomp.compress(words, np.load(folder / "input.npy"), method, **options).save(target)
    return target


@pytest.mark.parametrize(
    ("system", "tied"),
    [("float", False), ("float", True), ("belm", False), ("belm", True), ("bllm", False), ("bllm", True)]
    + [(system, False) for system in ("kd", "alone", "embc", "prune")],
)
def test_a_packed_model_gives_the_same_logits_to_the_bit(
    system: str, tied: bool, texts: Texts, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []
    frozen = "embcomp.torch.lm.running.write_facts"
    original = embcomp.torch.lm.running.write_facts
    models: list[LanguageModel] = []
    built = embcomp.torch.lm.running.build
    monkeypatch.setattr("embcomp.torch.lm.running.build", lambda *given: models.append(built(*given)) or models[0])
    monkeypatch.setattr(frozen, lambda *given: seen.append(logits(models[0])) or original(*given))
    given = {"kd": ("kd", {"ways": 4, "dims": 3}), "embc": ("itq", {"bits": 8})}.get(system)
    table = None if given is None else compressed(trained, given[0], **given[1])
    recipe = Recipe(**SMALL | {"system": system, "tied": tied})
    facts = train(recipe, texts, tmp_path / "model", trained if system == "prune" else None, table)
    model, words, read = load_model(tmp_path / "model")
    assert read == facts
    assert words == Lexicon.of(texts.train).words
    np.testing.assert_array_equal(logits(model), seen[0])
    assert evaluate(tmp_path / "model", texts.test)["perplexity"] == facts["test"]


def test_bytes_are_counted_as_the_paper_counts_them(texts: Texts, tmp_path: Path) -> None:
    sizes = {
        system: train(Recipe(**SMALL | {"system": system, "epochs": 1}), texts, tmp_path / system)["bytes"]["paper"]
        for system in ("float", "belm", "bllm")
    }
    v, h = len(Lexicon.of(texts.train).words), 8
    assert sizes["float"] == 8 * v * h + 32 * h**2 + 16 * h
    assert sizes["belm"] == v * h // 4 + 40 * h**2 + 24 * h
    assert sizes["bllm"] == v * h // 4 + 5 * h**2 // 4 + 48 * h


def test_pruned_numbers_stay_zero(texts: Texts, tmp_path: Path, trained: Path) -> None:
    train(Recipe(**SMALL | {"system": "prune", "fraction": 0.75}), texts, tmp_path / "pruned", trained)
    before, after = np.load(trained / "input.npy"), np.load(tmp_path / "pruned" / "input.npy")
    smallest = np.sort(np.abs(before), axis=None)[int(0.75 * before.size)]
    np.testing.assert_array_equal(after != 0, np.abs(before) >= smallest)


def test_a_training_can_start_with_a_trained_model(texts: Texts, tmp_path: Path, trained: Path) -> None:
    facts = train(Recipe(**SMALL | {"epochs": 0}), texts, tmp_path / "again", trained)
    assert facts["test"] == evaluate(trained, texts.test)["perplexity"]


def test_the_input_table_can_be_replaced_after_the_fact(texts: Texts, trained: Path) -> None:
    exact = compressed(trained, "prune", fraction=0.0)
    own, other = evaluate(trained, texts.test), evaluate(trained, texts.test, exact)
    assert other["perplexity"] == pytest.approx(own["perplexity"], rel=1e-5)
    assert evaluate(trained, texts.test, compressed(trained, "sign"))["perplexity"] != own["perplexity"]


def test_what_does_not_go_together_is_refused(texts: Texts, tmp_path: Path, trained: Path) -> None:
    sign = compressed(trained, "sign")

    def refused(message: str, kind: type[Exception] = ParameterError, **options: Any) -> None:
        given = options.pop("given", None)
        start = options.pop("start", None)
        with pytest.raises(kind, match=message):
            train(Recipe(**SMALL | options), texts, tmp_path / "refused", start, given)
        assert not (tmp_path / "refused").exists()

    refused("`tied` is for the systems float, belm, bllm, prune, got 'alone'", system="alone", tied=True)
    refused("`given` is for the systems kd and embc, which need it, got 'float'", given=sign)
    refused("`given` is for the systems kd and embc, which need it, got 'kd'", system="kd")
    refused(r"sign\.embc: must be of the method 'kd', got 'sign'", InputError, system="kd", given=sign)
    refused("must have 9 dimensions, as `hidden` says, got 8", InputError, system="embc", given=sign, hidden=9)
    refused("the system 'prune' needs a trained model: `start`", ParameterError, system="prune")
    refused("`start` is for systems with .* got 'float' for 'belm'", ParameterError, system="belm", start=trained)
    refused("lm: `epochs` must be an integer from 0 to 1000000, got -1", epochs=-1)
    other = embcomp.compress(["a", "b"], np.eye(2, 8), "sign")
    other.save(tmp_path / "other.embc")
    given = tmp_path / "other.embc"
    refused("must have the .* words of the text in descending order", InputError, system="embc", given=given)
    with pytest.raises(OutputError, match="float: has a model already, expected another folder"):
        train(Recipe(**SMALL), texts, trained)
    with pytest.raises(InputError, match=r"has no language model: .*No such file"):
        evaluate(tmp_path, texts.test)


def test_the_commands(texts: Texts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "model"
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    common = ["train", str(texts.train), "--valid", str(texts.valid), "-o", str(folder)]

    def called(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            run(list(arguments), group, "lm")
        return int(stop.value.code or 0), *capsys.readouterr()

    code, out, err = called(*common, "--test", str(texts.test), "--system", "belm", "--tied", "--json", *options)
    assert code == 0, err
    printed = json.loads(out)
    assert problems(printed) == []
    (document,) = printed["results"]
    assert document == json.loads((folder / "lm.json").read_text())
    assert f"model: the model, {document['bytes']['files']} bytes" in err
    code, out, err = called("eval", str(folder), str(texts.test), "--json")
    assert problems(json.loads(out)) == []
    assert json.loads(out)["results"][0]["perplexity"] == document["test"]
    code, out, err = called("eval", str(folder), str(texts.test))
    assert (code, out) == (0, f"perplexity {document['test']:.2f}\n")
    code, out, err = called(*common, *options)
    assert (code, out) == (3, "")
    assert "has a model already" in err
    code, out, err = called(*common, "--system", "elmo")
    assert code == 2
    assert "`system` must be 'float' or 'belm'" in err.replace("--system", "`system`")


def test_the_examples_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks of Python in order; its shell commands are those of test_the_commands."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    blocks = [block.split("\n```", 1)[0] for block in page.split("```py\n")[1:]]
    assert len(blocks) == 3
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    texts = Texts(Path("train.txt"), Path("valid.txt"), Path("test.txt"))
    train(Recipe(**SMALL | {"system": "belm", "tied": True}), texts, Path("belm"))
    for block in blocks[1:]:
        exec(block, names)
    assert names["classifier"].accuracy(names["rows"], names["labels"]) == 1
    assert list(open_container("classifier.embc").words) == names["words"]
    with torch.no_grad():
        ours, again = (names[name].eval()(names["rows"]) for name in ("classifier", "again"))
    torch.testing.assert_close(ours, again)


def test_a_folder_that_is_not_a_whole_model_is_refused(texts: Texts, trained: Path, tmp_path: Path) -> None:
    tensors, facts = (trained / "model.safetensors").read_bytes(), (trained / "lm.json").read_bytes()

    def refused(name: str, content: bytes, message: str) -> None:
        before = (trained / name).read_bytes()
        (trained / name).write_bytes(content)
        with pytest.raises(InputError, match=f"float: has a language model that cannot be read: {message}"):
            load_model(trained)
        (trained / name).write_bytes(before)

    refused("lm.json", b"[]", "must be a JSON object, got a list")
    refused("lm.json", b"{}", "'recipe'")
    refused("lm.json", facts.replace(b'"hidden": 8', b'"hidden": 9'), "Error.* in loading state_dict")
    refused("model.safetensors", tensors[:-1], "")
    refused("model.safetensors", b"", "")
    refused("input.npy", b"no array", "")
    (trained / "lm.json").write_bytes(facts.replace(b'"float"', b'"belm"'))
    with pytest.raises(InputError, match=r"input\.embc: cannot be read: No such file"):
        load_model(trained)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(InputError, match=r"checkpoint\.pt: cannot be read, remove it to begin again"):
        train(Recipe(**SMALL), texts, tmp_path / "half")
