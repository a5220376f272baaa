from __future__ import annotations

import pytest

from embcomp.errors import InputError
from embcomp.eval import layouts

PAIRS = [("sun", "moon", 7.5), ("ice cream", "snow", 3.0)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.tsv", "sun\tmoon\t7.5\nice cream\tsnow\t3\n"),
        ("crlf.tsv", "sun\tmoon\t7.5\r\nice cream\tsnow\t3\r\n"),
        ("bom.tsv", "\ufeffsun\tmoon\t7.5\n\nice cream\tsnow\t3"),
        ("gensim.tsv", "# A title\n# Word 1\tWord 2\tHuman (mean)\nsun\tmoon\t7.5\nice cream\tsnow\t3\n"),
        ("combined.csv", "Word 1,Word 2,Human (mean)\nsun,moon,7.5\nice cream,snow,3\n"),
        ("quoted.csv", '"sun","moon",7.5\n"ice cream","snow",3\n'),
        ("mturk.csv", "sun,moon,7.5\nice cream,snow,3\n"),
        ("semicolon.csv", "word1;word2;score\nsun;moon;7.5\nice cream;snow;3\n"),
        (
            "SimLex-999.txt",
            "word1\tword2\tPOS\tSimLex999\tconc(w1)\nsun\tmoon\tN\t7.5\t1\nice cream\tsnow\tN\t3\t2\n",
        ),
        ("terms.csv", "topic,term1,term2,rating\nsky,sun,moon,7.5\nfood,ice cream,snow,3\n"),
        ("more.tsv", "sun\tmoon\t7.5\t7\t8\nice cream\tsnow\t3\t2\t4\n"),
    ],
)
def test_layouts_of_similarity_sets(write, name, text):
    assert layouts.parse_similarity(write(name, text)) == PAIRS


def test_space_separated_pairs(write):
    text = "sun moon  7.5\nice snow 3\n"
    assert layouts.parse_similarity(write("EN-X.txt", text)) == [("sun", "moon", 7.5), ("ice", "snow", 3)]


def test_the_lemma_form_of_men_loses_its_tags(write):
    path = write("MEN.txt", "sun-n shine-v 50.0\nbright-j sun-n 49\n")
    assert layouts.parse_similarity(path) == [("sun", "shine", 50), ("bright", "sun", 49)]


def test_hyphens_elsewhere_stay(write):
    path = write("MEN.txt", "sun-n shine 50.0\nx-v y-n 49\n")
    assert layouts.parse_similarity(path) == [("sun-n", "shine", 50), ("x-v", "y-n", 49)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\t1\nc\td\tx\n", ":2: the score must be a finite number, got 'x'"),
        ("a\tb\t1\nc\td\tnan\n", ":2: the score must be a finite number, got 'nan'"),
        ("# note\na\tb\t1\n\nc\td\n", ":4: 2 fields, expected word, word and score"),
        ("a\tb\t7,5\nc\td\t1\n", ":1: expected word, word and score, got ['a', 'b', '7,5']"),
        ("a\tb\n", ":1: expected word, word and score, got ['a', 'b']"),
        ("word1\tword2\tscore\n", ": has a header, but no rows"),
        ("# note\n\n", ": has no rows"),
        (b"a\tb\t1\ncaf\xe9\tb\t2\n", ":2: must be UTF-8, got byte 0xe9"),
    ],
)
def test_similarity_errors(write, text, message):
    path = write("set.tsv", text)
    with pytest.raises(InputError) as caught:
        layouts.parse_similarity(path)
    assert str(caught.value) == f"{path}{message}"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError) as caught:
        layouts.read_lines(tmp_path / "none.tsv")
    assert str(caught.value) == f"{tmp_path / 'none.tsv'}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    "text",
    [
        "trout\tfish\nsea gull\tbird\n",
        "word\tcategory\ntrout\tfish\nsea gull\tbird\n",
        "trout\tfish\n\tfish\nsea gull\tbird",
    ],
)
def test_categories(write, text):
    assert layouts.parse_categories(write("x.tsv", text)) == [("trout", "fish"), ("sea gull", "bird")]


def test_category_errors(write):
    path = write("x.tsv", "trout\tfish\ngull\n")
    with pytest.raises(InputError) as caught:
        layouts.parse_categories(path)
    assert str(caught.value) == f"{path}:2: expected a word and its category, got ['gull']"


def test_analogies(write):
    path = write("q.txt", ": one\nAthens Greece Oslo Norway\n: two words\na b c d\n")
    assert layouts.parse_analogies(path) == [
        ("one", "Athens", "Greece", "Oslo", "Norway"),
        ("two words", "a", "b", "c", "d"),
    ]


def test_analogies_of_msr(write):
    path = write("q.txt", "good better rough JJ_JJR rougher\n")
    assert layouts.parse_analogies(path) == [("JJ_JJR", "good", "better", "rough", "rougher")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b c d\n", ":1: a question before the first ': section' line"),
        (": x\na b c\n", ":2: 3 words, expected 4"),
        (": x\n", ": has no questions"),
    ],
)
def test_analogy_errors(write, text, message):
    path = write("q.txt", text)
    with pytest.raises(InputError) as caught:
        layouts.parse_analogies(path)
    assert str(caught.value) == f"{path}{message}"


def test_texts(write):
    path = write("t.tsv", "label\ttext\n1\tgood , very good\n0\tbad\twith a tab\n")
    assert layouts.parse_texts(path) == [("1", "good , very good"), ("0", "bad\twith a tab")]


def test_text_errors(write):
    path = write("t.tsv", "1\tgood\nno label here\n")
    with pytest.raises(InputError) as caught:
        layouts.parse_texts(path)
    assert str(caught.value) == f"{path}:2: expected label, tab and text, got 'no label here'"


@pytest.mark.parametrize(
    ("suite", "text"),
    [
        ("similarity", "a\tb\t1\nc\td\t2\n"),
        ("similarity", "word1\tword2\tPOS\tSimLex999\na\tb\tN\t1\nc\td\tN\t2\n"),
        ("similarity", "a b 1\nc d 2\n"),
        ("analogy", ": x\na b c d\n"),
        ("analogy", "good better rough JJ_JJR rougher\na b c X d\n"),
        ("categorization", "trout\tfish\ncarp\tfish\ngull\tbird\n"),
        ("sts", "2.5\tA cat sat.\tA dog sat.\n0\tOne.\tTwo 2\n"),
        ("sts", "score\ttext1\ttext2\n2.5\tA cat sat.\tA dog.\n0\tOne.\tTwo\n"),
        ("classification", "1\tgood\n1\tbest\n0\tbad\n"),
    ],
)
def test_suites_by_content(write, suite, text):
    assert layouts.guess_suite(write("some.txt", text)) == suite


def test_content_of_no_suite(write):
    path = write("some.txt", "hello\nworld\n")
    with pytest.raises(InputError) as caught:
        layouts.guess_suite(path)
    assert str(caught.value) == (
        f"{path}: expected a similarity, categorization, analogy, classification or sts set, got rows like ['world']"
    )


def test_pairs_of_texts(write):
    text = "score\tsentence1\tsentence2\n2.5\t A cat, 2 dogs \tA dog\tmore\n# no\n0\tx\t\n"
    assert layouts.parse_text_pairs(write("sts/a.tsv", text)) == [("A cat, 2 dogs", "A dog", 2.5), ("x", "", 0.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\ta\tb\n2\tc d\n", ":2: 2 fields, expected score, text and text"),
        ("1\ta\tb\nx\tc\td\n", ":2: the score must be a finite number, got 'x'"),
        ("score\ta\tb\n", ": has a header, but no rows"),
    ],
)
def test_pairs_of_texts_that_are_refused(write, text, message):
    path = write("sts/a.tsv", text)
    with pytest.raises(InputError) as caught:
        layouts.parse_text_pairs(path)
    assert str(caught.value) == f"{path}{message}"
