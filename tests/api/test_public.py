"""Which names are public, that they are there, and that importing the package stays light."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import embcomp
from embcomp import api

PUBLIC = [
    "Compressor",
    "__version__",
    "compare",
    "compress",
    "evaluate",
    "make_compressor",
    "methods",
    "open",
    "read",
]


def test_all_lists_the_public_names() -> None:
    assert embcomp.__all__ == PUBLIC
    assert sorted([*api.__all__, "__version__"]) == PUBLIC
    assert set(PUBLIC) <= set(dir(embcomp))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there_and_explains_itself(name: str) -> None:
    public = getattr(embcomp, name)
    if name != "__version__":
        assert public is getattr(api, name)
        assert len(inspect.getdoc(public) or "") > 20


def test_no_other_name_is_invented() -> None:
    with pytest.raises(AttributeError, match=r"^module 'embcomp' has no attribute 'fit'$"):
        _ = embcomp.fit  # type: ignore[attr-defined]


def test_no_module_has_the_name_of_a_public_function() -> None:
    """Importing ``embcomp.compare`` as a module would hide the function ``embcomp.compare``."""
    modules = {module.name for module in pkgutil.iter_modules(embcomp.__path__)}
    assert not modules & set(PUBLIC)
    for name in PUBLIC:
        assert not isinstance(getattr(importlib.import_module("embcomp"), name), ModuleType)


@pytest.mark.parametrize("name", [each for each in PUBLIC if each not in ("__version__", "Compressor")])
def test_everything_is_annotated(name: str) -> None:
    signature = inspect.signature(getattr(embcomp, name))
    assert signature.return_annotation is not signature.empty
    assert all(each.annotation is not each.empty for each in signature.parameters.values())


def imported_by(code: str) -> set[str]:
    names = "sorted({name.split('.')[0] for name in sys.modules})"
    program = f"import sys, json; {code}; print(json.dumps({names}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_nothing_else() -> None:
    assert not imported_by("import embcomp") & {"numpy", "scipy", "gensim", "click", "tqdm"}


def test_the_public_names_import_nothing_heavy() -> None:
    everything = "; ".join(f"embcomp.{name}" for name in PUBLIC)
    assert not imported_by(f"import embcomp; {everything}") & {"scipy", "gensim", "click", "tqdm", "sklearn"}
