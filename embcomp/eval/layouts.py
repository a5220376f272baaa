"""Parsing of published evaluation files into plain rows.

One file is one table. Lines end at LF or CRLF; a line that starts with ``#`` is a comment. Fields are separated by
tabs if most lines have one, else by commas or semicolons (``.csv``, or if most lines have them), else by white space.

similarity      word, word, score; further columns are ignored. With a header, the columns are found by name
                (``SimLex999``, ``Human (mean)``, ``score``, …). Words like
                ``sun-n`` (MEN's lemma form) lose their tag.
categorization  word, category; or a folder with one file per category, a word per line (the ``web`` package).
analogy         ``: section`` lines and four words per line; or five fields, the fourth naming the section (MSR).
classification  label, tab, text.
sts             score, text, text, separated by tabs; further columns are ignored.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from embcomp.errors import InputError

WORDS = (("word1", "word2"), ("word 1", "word 2"), ("term1", "term2"), ("w1", "w2"))
SCORE = ("simlex999", "human (mean)", "human mean", "mean", "average", "score", "similarity", "relatedness", "rating")
CATEGORY_HEADERS = {"category", "class", "cluster", "label", "concept_class"}
LABEL_HEADERS = {"label", "class", "sentiment", "target"}
POS_TAGGED = re.compile(r".+-[nvjar]\Z")


class Row(NamedTuple):
    """The fields of one line and its number, from 1."""

    line: int
    fields: list[str]


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Lines that are neither blank nor comments, with their numbers.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or has no such line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: must be UTF-8, got byte 0x{data[error.start]:02x}") from error
    numbered = ((number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1))
    lines = [(number, line) for number, line in numbered if line.strip() and not line.startswith("#")]
    if not lines:
        raise InputError(f"{path}: has no rows")
    return lines


def read_rows(path: Path) -> list[Row]:
    """Rows of fields, split as the module's text says, blanks around fields removed."""
    lines = read_lines(path)
    separator = _separator(path, [line for _, line in lines])
    if separator is None:
        return [Row(number, line.split()) for number, line in lines]
    if separator == "\t":
        return [Row(number, [field.strip() for field in line.split("\t")]) for number, line in lines]
    return [
        Row(number, [field.strip() for field in next(csv.reader([line], delimiter=separator))])
        for number, line in lines
    ]


def parse_similarity(path: Path) -> list[tuple[str, str, float]]:
    """Pairs of terms and their scores: (term, term, score).

    Raises:
        InputError: a row has fewer than three fields, or its score is not a finite number.
    """
    rows = read_rows(path)
    columns = _header_columns(path, rows[0])
    if columns is None:
        left, right, score = 0, 1, _first_number(rows[0])
    else:
        (left, right, score), rows = columns, rows[1:]
    pairs = []
    for row in rows:
        if len(row.fields) <= max(left, right, score):
            raise InputError(f"{path}:{row.line}: {len(row.fields)} fields, expected word, word and score")
        pairs.append((row.fields[left], row.fields[right], _number(path, row, row.fields[score])))
    if not pairs:
        raise InputError(f"{path}: has a header, but no rows")
    if all(POS_TAGGED.match(word) for pair in pairs for word in pair[:2]):
        return [(left[:-2], right[:-2], score) for left, right, score in pairs]
    return pairs


def parse_categories(path: Path) -> list[tuple[str, str]]:
    """Words and their categories, in file order.

    Raises:
        InputError: a row does not have a word and a category.
    """
    rows = read_rows(path)
    if len(rows) > 1 and len(rows[0].fields) > 1 and rows[0].fields[1].lower() in CATEGORY_HEADERS:
        rows = rows[1:]
    for row in rows:
        if len(row.fields) < 2 or not row.fields[1]:
            raise InputError(f"{path}:{row.line}: expected a word and its category, got {row.fields}")
    return [(row.fields[0], row.fields[1]) for row in rows if row.fields[0]]


def parse_category_folder(folder: Path, files: Sequence[Path]) -> list[tuple[str, str]]:
    """Words and their categories from one file per category, named by the file.

    Raises:
        InputError: there are no words.
    """
    pairs = []
    for path in files:
        rows = read_rows(path)
        skip = 1 if len(rows[0].fields) > 1 and rows[0].fields[0].lower() in {"word", "words"} else 0
        pairs += [(row.fields[0], path.stem) for row in rows[skip:] if row.fields and row.fields[0]]
    if not pairs:
        raise InputError(f"{folder}: has no words")
    return pairs


def parse_analogies(path: Path) -> list[tuple[str, str, str, str, str]]:
    """Questions as (section, a, b, c, expected): a is to b as c is to expected.

    A line with another number of words is an error here; gensim skips it.

    Raises:
        InputError: a line has neither four words nor MSR's five fields, or stands before the first section.
    """
    section, questions = "", []
    for number, line in read_lines(path):
        if line.startswith(":"):
            section = line.lstrip(": ").strip()
            continue
        words = line.split()
        if len(words) == 5:
            words = [*words[:3], words[4], words[3]]
        elif len(words) == 4 and section:
            words = [*words, section]
        elif len(words) == 4:
            raise InputError(f"{path}:{number}: a question before the first ': section' line")
        else:
            raise InputError(f"{path}:{number}: {len(words)} words, expected 4")
        a, b, c, expected, name = words
        questions.append((name, a, b, c, expected))
    if not questions:
        raise InputError(f"{path}: has no questions")
    return questions


def parse_texts(path: Path) -> list[tuple[str, str]]:
    """Labels and texts.

    Raises:
        InputError: a line has no tab, or an empty label.
    """
    pairs = []
    for number, line in read_lines(path):
        label, tab, text = line.partition("\t")
        if not tab or not label.strip():
            raise InputError(f"{path}:{number}: expected label, tab and text, got {line[:40]!r}")
        pairs.append((label.strip(), text.strip()))
    return pairs[1:] if pairs[0][0].lower() in LABEL_HEADERS else pairs


def parse_text_pairs(path: Path) -> list[tuple[str, str, float]]:
    """Pairs of texts and their scores: (text, text, score). A first line whose score is no number is a header.

    Raises:
        InputError: a line has fewer than three fields, or its score is not a finite number.
    """
    rows = [Row(number, [field.strip() for field in line.split("\t")]) for number, line in read_lines(path)]
    rows = rows[0 if _is_number(rows[0].fields[0]) else 1 :]
    for row in rows:
        if len(row.fields) < 3:
            raise InputError(f"{path}:{row.line}: {len(row.fields)} fields, expected score, text and text")
    if not rows:
        raise InputError(f"{path}: has a header, but no rows")
    return [(row.fields[1], row.fields[2], _number(path, row, row.fields[0])) for row in rows]


def guess_suite(path: Path) -> str:
    """Say which suite a file is for by its content.

    Raises:
        InputError: it looks like no kind of data set.
    """
    rows = read_rows(path)
    sample = rows[:200]
    width = sorted(len(row.fields) for row in sample)[len(sample) // 2]
    if any(row.fields[0].startswith(":") for row in sample):
        return "analogy"
    if width >= 3 and sum(_first_number(row, default=0) > 1 for row in sample) > len(sample) / 2:
        return "similarity"
    if width >= 3 and sum(_is_number(row.fields[0]) for row in sample) > len(sample) / 2:
        return "sts"
    if width in (4, 5) and _separator(path, [" ".join(row.fields) for row in sample]) is None:
        return "analogy"
    if width == 2:
        first, second = (len({row.fields[i] for row in rows if len(row.fields) == 2}) for i in (0, 1))
        return "classification" if first < second else "categorization"
    raise InputError(
        f"{path}: expected a similarity, categorization, analogy, classification or sts set, "
        f"got rows like {sample[len(sample) // 2].fields[:4]}"
    )


def _separator(path: Path, lines: Sequence[str]) -> str | None:
    def common(mark: str) -> bool:
        return sum(mark in line for line in lines) > len(lines) / 2

    if common("\t"):
        return "\t"
    if common(";"):
        return ";"
    return "," if path.suffix.lower() == ".csv" or common(",") else None


def _header_columns(path: Path, first: Row) -> tuple[int, int, int] | None:
    """Columns of the two words and the score if ``first`` is a header; ``None`` if it is data."""
    if any(_is_number(field) for field in first.fields[2:]):
        return None
    names = [field.lower() for field in first.fields]
    left, right = next(((names.index(a), names.index(b)) for a, b in WORDS if a in names and b in names), (0, 1))
    score = next((names.index(name) for name in SCORE if name in names), None)
    if score is None:
        raise InputError(f"{path}:{first.line}: expected word, word and score, got {first.fields}")
    return left, right, score


def _first_number(row: Row, default: int = 2) -> int:
    """The first column from the third on that holds a number."""
    return next((i for i, field in enumerate(row.fields) if i >= 2 and _is_number(field)), default)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _number(path: Path, row: Row, field: str) -> float:
    if not _is_number(field) or not math.isfinite(float(field)):
        raise InputError(f"{path}:{row.line}: the score must be a finite number, got {field!r}")
    return float(field)
