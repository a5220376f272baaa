"""The recipes of docs/scale.md for other engines, where these are installed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embcomp.collection.engines import Engine
from embcomp.collection.making import compress
from embcomp.compressors.registry import make_compressor

from .conftest import OPTIONS
from .test_engines import files

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def recipe(engine: str) -> dict[str, Any]:
    """Run the block of Python under a heading."""
    found = re.search(rf"### {engine}\n.*?```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    return names


@pytest.fixture
def on_ray() -> Iterator[Engine]:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    names = recipe("Ray")
    yield Engine(names["RayExecutor"], 1)
    ray.shutdown()


@pytest.fixture
def on_spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    sql = pytest.importorskip("pyspark.sql")
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    names = recipe("Spark")
    yield Engine(lambda: names["SparkExecutor"](session.sparkContext), 1)
    session.stop()


@pytest.mark.filterwarnings("ignore")  # of other packages
@pytest.mark.parametrize("engine", ["on_ray", "on_spark"])
def test_other_engines_give_the_same_files(
    engine: str, iiq: str, parts: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    target = str(tmp_path / "other.embcs")
    where = request.getfixturevalue(engine)
    compress([str(parts)], target, make_compressor("iiq"), OPTIONS, where, n_shards=3)
    assert files(target) == files(iiq)
