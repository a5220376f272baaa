"""Settings of the documentation site. ``make site`` builds it into ``build/site``; warnings are errors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import embcomp

project = "embcomp"
author = "embcomp contributors"
release = version = embcomp.__version__
html_title = "embcomp"
html_theme = "furo"
html_show_copyright = html_show_sourcelink = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["README.md"]
myst_heading_anchors = 4
napoleon_use_rtype = False

autodoc_mock_imports = ["torch"]  # the site is built without it

# Type aliases appear under their own names, not as what they stand for.
autodoc_type_aliases = {name: name for name in ("Engine", "FloatMatrix", "Key", "Keys", "Similarity", "Vector")}
autodoc_typehints_format = "short"

# A reference that leads nowhere is a warning. Types in signatures are not references to pages of this site.
nitpicky = True
INTERNAL = r"Array|Embedding|EncodedEmbedding|Measurement|Progress|Source|Summary|Vocabulary|CodeLayout|Lookup|Option"
nitpick_ignore_regex = [(r"py:class", rf"(?!embcomp\.).*|embcomp\..*\.({INTERNAL})")]

logger = logging.getLogger(__name__)


def public_names() -> Iterator[tuple[str, Any]]:
    """Each public name with its object: functions and classes of ``embcomp``, and public methods of these classes."""
    for name in embcomp.__all__:
        value = getattr(embcomp, name)
        if not name.startswith("__"):
            yield f"embcomp.{name}", value
        if inspect.isclass(value):
            for member in dir(value):
                if not member.startswith("_"):
                    yield f"embcomp.{name}.{member}", getattr(value, member)


def check_public_names(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page documents, and of those without a docstring."""
    documented = env.get_domain("py").objects  # type: ignore[attr-defined]
    for name, value in public_names():
        if name not in documented:
            logger.warning("public name %s is on no page", name)
        elif callable(value) and not inspect.getdoc(value):
            logger.warning("public name %s has no docstring", name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the check of public names."""
    app.connect("env-check-consistency", check_public_names)
    return {"parallel_read_safe": True}
