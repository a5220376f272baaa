"""Data sets: those that come with gensim, and folders of others.

A folder has subfolders named for suites, ``similarity``, ``categorization``, ``analogy`` and ``classification`` (or
some of them; ``word-sim``, as in eval-word-vectors, is ``similarity``), or it is one such folder. Other subfolders,
hidden files and ``README``, ``LICENSE`` and ``*.md`` files are passed over. In a folder of another name, each file's
suite is detected from its content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from embcomp.errors import InputError
from embcomp.eval import layouts
from embcomp.eval.suite import DataSet, Rows, Suite, all_suites, attempt

SUFFIXES = {"", ".txt", ".tsv", ".csv", ".tab", ".dat"}
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


def collect(data_dir: Path | str | None = None, suites: Mapping[str, Suite] | None = None) -> list[DataSet]:
    """The built-in sets and those of a folder, by suite and name; of two with one name, the folder's counts.

    Raises:
        InputError: gensim's files are missing, or the folder is missing, empty or holds a file that is no data set.
    """
    suites = all_suites() if suites is None else suites
    sets = [each for suite in suites.values() for each in attempt(suite, suite.built_in) or ()]
    if data_dir is not None:
        sets += read_folder(Path(data_dir), suites)
    found = {(each.suite, each.name): each for each in sets}
    order = list(suites)
    return sorted(found.values(), key=lambda each: (order.index(each.suite), each.name.lower()))


def gensim_sets(suite: str, read: Callable[[Path], Rows], files: Mapping[str, str]) -> list[DataSet]:
    """Data sets, by name, out of the test data that gensim is installed with; gensim is not imported.

    Raises:
        InputError: this installation of gensim lacks them.
    """
    spec = find_spec("gensim")
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0], "test", "test_data") if places else Path("gensim")
    for file in files.values():
        if not (folder / file).is_file():
            raise InputError(f"{folder / file}: is missing; gensim's packages carry it as test data")
    return [DataSet(suite, name, read(folder / file)) for name, file in files.items()]


def read_folder(folder: Path, suites: Mapping[str, Suite]) -> list[DataSet]:
    """All data sets of a folder.

    Raises:
        InputError: it is no folder, holds no data set, two with one name, or a file that cannot be read as one.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of data sets")
    owners = {name: suite for suite in reversed(list(suites.values())) for name in suite.folders}
    own = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name.lower() in owners]
    sets = [each for path in own or [folder] for each in _sets(path, owners.get(path.name.lower()), suites)]
    if not sets:
        raise InputError(f"{folder}: holds no data set ({', '.join(sorted(SUFFIXES - {''}))})")
    seen: set[tuple[str, str]] = set()
    for each in sets:
        if (each.suite, each.name) in seen:
            raise InputError(f"{folder}: two files are the {each.suite} set {each.name!r}, expected one")
        seen.add((each.suite, each.name))
    return sets


def canonical_name(stem: str) -> str:
    """The usual name of a data set, from its file's name without suffix; the stem itself if it is not known."""
    plain = re.sub(r"^en[-_ ]", "", stem, flags=re.IGNORECASE)
    return _NAME_OF.get(re.sub(r"[^a-z0-9]", "", plain.lower()), plain)


def _sets(folder: Path, owner: Suite | None, suites: Mapping[str, Suite]) -> Iterator[DataSet]:
    """The sets of a folder, which belong to ``owner``; to the suite detected from each if that is not known."""
    for path in _visible(folder):
        files = [path] if path.is_file() else [inner for inner in _visible(path) if inner.is_file()]
        if len(files) > 1 and (owner is None or owner.name == CATEGORIZATION) and _is_category_list(files[0]):
            yield DataSet(CATEGORIZATION, canonical_name(path.name), layouts.parse_category_folder(path, files))
            continue
        for file in files:
            suite = owner or suites[layouts.guess_suite(file)]
            rows = attempt(suite, partial(suite.read, file)) if suite.read is not None else None
            if rows is not None:
                yield DataSet(suite.name, canonical_name(file.stem), rows)


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
