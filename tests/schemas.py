"""Check JSON against the schemas in ``embcomp/schemas``."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import pytest


@cache
def registry() -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    from referencing import Registry, Resource

    folder = resources.files("embcomp") / "schemas"
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)


def problems(document: Any) -> list[str]:
    """What a document has that its schema does not allow."""
    schemas = registry()
    from jsonschema import Draft202012Validator

    found = Draft202012Validator(schemas.contents(document["schema"]), registry=schemas).iter_errors(document)
    return [error.message for error in found]
