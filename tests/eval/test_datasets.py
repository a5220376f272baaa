from __future__ import annotations

import subprocess
import sys

import pytest

from embcomp.errors import InputError
from embcomp.eval import datasets
from embcomp.eval.datasets import canonical_name, collect
from embcomp.eval.suite import Suite, all_suites

from .conftest import built_in

SIMILARITY = "a\tb\t1\nc\td\t2\n"
CATEGORIES = "trout\tfish\ngull\tbird\ncarp\tfish\n"


def read_folder(folder):
    return datasets.read_folder(folder, all_suites())


def names(sets):
    return [(data.suite, data.name) for data in sets]


def test_built_in_sets_have_their_published_sizes():
    ws353, simlex, google = built_in()
    assert (len(ws353.rows), len(simlex.rows), len(google.rows)) == (353, 999, 19544)
    assert ws353.rows[0] == ("love", "sex", 6.77)
    assert len({section for section, *_ in google.rows}) == 14


def test_built_in_sets_are_found_without_importing_gensim():
    code = "import sys; from embcomp.eval.run import choose; print(len(choose(None, None, has_baseline=False)))"
    code += "; print('gensim' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "2\nFalse\n"


def test_gensim_without_its_test_data(monkeypatch, tmp_path):
    (tmp_path / "gensim").mkdir()
    (tmp_path / "gensim" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "gensim", raising=False)
    with pytest.raises(InputError, match=r"wordsim353\.tsv: is missing; gensim's packages carry it as test data$"):
        built_in()


def test_a_folder_with_a_subfolder_for_each_kind(write, tmp_path):
    write("similarity/MEN.tsv", SIMILARITY)
    write("similarity/README.txt", "not data")
    write("similarity/.hidden.tsv", "not data")
    write("similarity/notes.md", "not data")
    write("categorization/AP.tsv", CATEGORIES)
    write("analogy/MSR-syntax.txt", ": all\na b c d\n")
    write("classification/CR.tsv", "1\tgood\n0\tbad\n")
    write("other/huge.txt", "not data")
    assert names(read_folder(tmp_path)) == [
        ("analogy", "MSR"),
        ("categorization", "AP"),
        ("classification", "CR"),
        ("similarity", "MEN"),
    ]


def test_a_folder_that_is_of_one_kind(write, tmp_path):
    write("word-sim/EN-RW-STANFORD.txt", "a b 1\n")
    write("word-sim/EN-VERB-143.txt", "a b 1\n")
    assert names(read_folder(tmp_path / "word-sim")) == [("similarity", "RW"), ("similarity", "VERB-143")]
    assert names(read_folder(tmp_path)) == names(read_folder(tmp_path / "word-sim"))


def test_a_folder_of_no_kind_goes_by_content(write, tmp_path):
    write("mine.tsv", SIMILARITY)
    write("yours.tsv", CATEGORIES)
    assert names(read_folder(tmp_path)) == [("similarity", "mine"), ("categorization", "yours")]


def test_folders_of_the_web_package(write, tmp_path):
    write("similarity/EN-MEN-LEM/EN-MEN-LEM.txt", "sun-n moon-n 50.0\n")
    write("categorization/EN-AP/fish.txt", "trout\ncarp\n")
    write("categorization/EN-AP/bird.txt", "gull\n")
    write("categorization/EN-BATTIG/gem.txt", "word,freq,frequency,rank,rfreq\nruby,4,2,1,0.5\nsea pearl,3,1,2,1\n")
    write("categorization/EN-BATTIG/unit.txt", "word,freq,frequency,rank,rfreq\nhour,9,8,1,2.5\n")
    write("analogy/EN-MSR/EN-MSR.txt", "good better rough JJ_JJR rougher\n")
    msr, ap, battig, men = read_folder(tmp_path)
    assert names([msr, ap, battig, men]) == [
        ("analogy", "MSR"),
        ("categorization", "AP"),
        ("categorization", "Battig"),
        ("similarity", "MEN"),
    ]
    assert set(ap.rows) == {("carp", "fish"), ("gull", "bird"), ("trout", "fish")}
    assert set(battig.rows) == {("hour", "unit"), ("ruby", "gem"), ("sea pearl", "gem")}
    assert men.rows == [("sun", "moon", 50.0)]


def test_a_set_of_the_folder_replaces_the_built_in_one(write, tmp_path):
    write("similarity/EN-WS-353-ALL.txt", "a b 1\n")
    found = collect(tmp_path)
    assert names(found) == [("similarity", "SimLex-999"), ("similarity", "WS-353"), ("analogy", "Google")]
    assert found[1].rows == [("a", "b", 1.0)]


def test_without_a_folder_there_are_the_built_in_sets():
    assert names(collect()) == [("similarity", "SimLex-999"), ("similarity", "WS-353"), ("analogy", "Google")]


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("EN-MEN-TR-3k", "MEN"),
        ("MEN_dataset_natural_form_full", "MEN"),
        ("EN-WS-353-SIM", "WS-353-SIM"),
        ("wordsim353", "WS-353"),
        ("EN-TRUK", "MTurk-287"),
        ("questions-words", "Google"),
        ("EN-ESSLI-2c", "ESSLLI-2c"),
        ("EN-YP-130", "YP-130"),
        ("My own", "My own"),
    ],
)
def test_names(stem, name):
    assert canonical_name(stem) == name


def test_a_folder_that_two_suites_read_belongs_to_the_first(write, tmp_path):
    write("similarity/x.tsv", SIMILARITY)
    mine = Suite("mine", "", ("m",), lambda *_: {}, lambda path: [], folders=("similarity", "mine"))
    suites = all_suites() | {"mine": mine}
    assert names(datasets.read_folder(tmp_path, suites)) == [("similarity", "x")]
    write("mine/y.tsv", "anything")
    assert names(datasets.read_folder(tmp_path, suites)) == [("mine", "y"), ("similarity", "x")]


def test_folder_errors(write, tmp_path):
    path = write("similarity/x.tsv", SIMILARITY)
    with pytest.raises(InputError) as caught:
        read_folder(path)
    assert str(caught.value) == f"{path}: expected a folder of data sets"
    write("similarity/EN-x.tsv", SIMILARITY)
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    assert str(caught.value) == f"{tmp_path}: two files are the similarity set 'x', expected one"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError) as caught:
        read_folder(empty)
    assert str(caught.value) == f"{empty}: holds no data set (.csv, .dat, .tab, .tsv, .txt)"


def test_real_data_have_their_published_sizes(data_dir):
    sizes = {data.name: len(data.rows) for data in read_folder(data_dir)}
    published = {"MEN": 3000, "MTurk-287": 287, "RG-65": 65, "RW": 2034, "SimLex-999": 999, "TR9856": 9856}
    published |= {"WS-353": 353, "WS-353-REL": 252, "WS-353-SIM": 203, "MSR": 8000, "MR": 10662}
    published |= {"AP": 402, "BLESS": 200, "Battig": 5231, "ESSLLI-1a": 44, "ESSLLI-2c": 45}
    assert published.items() <= sizes.items()


def test_every_alias_is_plain():
    for aliases in datasets.NAMES.values():
        assert all(alias == alias.lower() and alias.isalnum() for alias in aliases)
