"""Data sets: the ones that come with gensim, and folders of others.

A folder has subfolders named ``similarity``, ``categorization``, ``analogy`` and ``classification`` (or some of
them; ``word-sim``, as in eval-word-vectors, is ``similarity``), or it is one such folder. Other subfolders, hidden
files and ``README``, ``LICENSE`` and ``*.md`` files are passed over. In a folder of another name, each file's kind
is told by its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from embcomp.arrays import DoubleArray
from embcomp.errors import InputError
from embcomp.eval import layouts

SUFFIXES = {"", ".txt", ".tsv", ".csv", ".tab", ".dat"}
KINDS = {
    "similarity": "similarity",
    "word-sim": "similarity",
    "categorization": "categorization",
    "word-categorization": "categorization",
    "analogy": "analogy",
    "word-analogy": "analogy",
    "classification": "classification",
}
CATEGORIZATION = "categorization"

# What people call the sets, letters and digits only, without a leading "en".
NAMES = {
    "WS-353": ("ws353", "ws353all", "wordsim353", "combined"),
    "WS-353-SIM": ("ws353sim", "wss353", "wordsimsimilaritygoldstandard"),
    "WS-353-REL": ("ws353rel", "wsr353", "wordsimrelatednessgoldstandard"),
    "SimLex-999": ("simlex999", "sim999", "simlex"),
    "MEN": ("men", "mentr3k", "menlem", "men3000", "mendatasetnaturalformfull"),
    "MTurk-287": ("mturk287", "mturk", "trukw", "truk"),
    "MTurk-771": ("mturk771",),
    "RG-65": ("rg65",),
    "RW": ("rw", "rwstanford"),
    "TR9856": ("tr9856", "termrelatednessresults"),
    "AP": ("ap",),
    "BLESS": ("bless",),
    "Battig": ("battig",),
    "ESSLLI-1a": ("esslli1a", "essli1a"),
    "ESSLLI-2b": ("esslli2b", "essli2b"),
    "ESSLLI-2c": ("esslli2c", "essli2c"),
    "Google": ("google", "questionswords", "googleanalogy", "googleanalogies"),
    "MSR": ("msr", "msrsyntax", "msranalogy"),
}
_NAME_OF = {alias: name for name, aliases in NAMES.items() for alias in aliases}

GENSIM_FILES = (
    ("similarity", "WS-353", "wordsim353.tsv"),
    ("similarity", "SimLex-999", "simlex999.txt"),
    ("analogy", "Google", "questions-words.txt"),
)


@dataclass(frozen=True)
class SimilaritySet:
    """Pairs of terms and what people think of them."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    ratings: DoubleArray
    """Float64, shape (n_pairs,)."""
    suite: str = "similarity"


@dataclass(frozen=True)
class CategorizationSet:
    """Words and their categories, sorted, so that no result depends on the order of the file."""

    name: str
    rows: tuple[tuple[str, str], ...]
    """(word, category). A word may be in several categories, and a row may be repeated."""
    suite: str = "categorization"


@dataclass(frozen=True)
class AnalogySet:
    """Questions: a is to b as c is to what?"""

    name: str
    questions: tuple[tuple[str, str, str, str, str], ...]
    """(section, a, b, c, expected)."""
    suite: str = "analogy"


@dataclass(frozen=True)
class ClassificationSet:
    """Texts with labels."""

    name: str
    rows: tuple[tuple[str, str], ...]
    """(label, text)."""
    suite: str = "classification"


DataSet = SimilaritySet | CategorizationSet | AnalogySet | ClassificationSet


def collect(data_dir: Path | str | None = None) -> list[DataSet]:
    """The built-in sets and those of a folder, by suite and name; of two with one name, the folder's counts.

    Raises:
        InputError: gensim's files are missing, or the folder is missing, empty or holds a file that is no data set.
    """
    found = {(data.suite, data.name): data for data in built_in()}
    if data_dir is not None:
        found |= {(data.suite, data.name): data for data in read_folder(Path(data_dir))}
    order = list(dict.fromkeys(KINDS.values()))
    return sorted(found.values(), key=lambda data: (order.index(data.suite), data.name.lower()))


def built_in() -> list[DataSet]:
    """WordSim-353, SimLex-999 and Google's analogies, from gensim's own test data (gensim is not imported).

    Raises:
        InputError: this installation of gensim lacks them.
    """
    folder = _gensim_data()
    return [_read(folder / file, kind, name) for kind, name, file in GENSIM_FILES]


def read_folder(folder: Path) -> list[DataSet]:
    """All data sets of a folder.

    Raises:
        InputError: it is no folder, holds no data set, two with one name, or a file that cannot be read as one.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of data sets")
    kinds = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name.lower() in KINDS]
    sets = [data for path in kinds or [folder] for data in _read_kind(path)]
    if not sets:
        raise InputError(f"{folder}: holds no data set ({', '.join(sorted(SUFFIXES - {''}))})")
    return _distinct_names(folder, sets)


def canonical_name(stem: str) -> str:
    """The usual name of a data set, from its file's name without suffix; the stem itself if it is not known."""
    plain = re.sub(r"^en[-_ ]", "", stem, flags=re.IGNORECASE)
    return _NAME_OF.get(re.sub(r"[^a-z0-9]", "", plain.lower()), plain)


def _gensim_data() -> Path:
    spec = find_spec("gensim")
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0], "test", "test_data") if places else Path("gensim")
    for _, _, file in GENSIM_FILES:
        if not (folder / file).is_file():
            raise InputError(f"{folder / file}: is missing; gensim's packages carry it as test data")
    return folder


def _read_kind(folder: Path) -> Iterable[DataSet]:
    kind = KINDS.get(folder.name.lower())
    for path in _visible(folder):
        if path.is_file():
            yield _read(path, kind or layouts.guess_kind(path))
            continue
        files = [inner for inner in _visible(path) if inner.is_file()]
        if len(files) > 1 and kind in (None, CATEGORIZATION) and _is_category_list(files[0]):
            rows = layouts.parse_category_folder(path, files)
            yield CategorizationSet(canonical_name(path.name), tuple(sorted(rows)))
        else:
            for inner in files:
                yield _read(inner, kind or layouts.guess_kind(inner))


def _is_category_list(path: Path) -> bool:
    """Whether a file is one category of a set: words alone, or words and numbers under a header (Battig)."""
    fields = layouts.read_rows(path)[-1].fields
    return len(fields) == 1 or all(field.replace(".", "").isdigit() for field in fields[1:])


def _visible(folder: Path) -> list[Path]:
    def passes(path: Path) -> bool:
        if path.name.startswith((".", "README", "LICENSE", "PROVENANCE")):
            return False
        return path.is_dir() or path.suffix.lower() in SUFFIXES

    return [path for path in sorted(folder.iterdir()) if passes(path)]


def _read(path: Path, kind: str, name: str | None = None) -> DataSet:
    name = name or canonical_name(path.stem)
    if kind == "similarity":
        pairs, ratings = layouts.parse_similarity(path)
        return SimilaritySet(name, tuple(pairs), np.array(ratings, dtype=np.float64))
    if kind == CATEGORIZATION:
        return CategorizationSet(name, tuple(sorted(layouts.parse_categories(path))))
    if kind == "analogy":
        return AnalogySet(name, tuple(layouts.parse_analogies(path)))
    return ClassificationSet(name, tuple(layouts.parse_texts(path)))


def _distinct_names(folder: Path, sets: list[DataSet]) -> list[DataSet]:
    seen: set[tuple[str, str]] = set()
    for data in sets:
        if (data.suite, data.name) in seen:
            raise InputError(f"{folder}: two files are the {data.suite} set {data.name!r}, expected one")
        seen.add((data.suite, data.name))
    return sets
