"""Mutation testing: change one thing at a time in a module and see whether its tests notice.

    python benchmarks/mutate.py embcomp/bits.py tests/test_bits.py
    python benchmarks/mutate.py embcomp/container/trie.py tests/container --sample 60

Works on a copy of the project in a temporary folder. Prints every mutant that survives, with its line; each is either
a gap in the tests or a change without effect, and somebody has to look. A mutant that runs into the time limit counts
as noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import hypothesis.extra.numpy  # noqa: F401  loaded once, here, and not again for each mutant
import marisa_trie  # noqa: F401
import pytest
import scipy.spatial  # noqa: F401

ROOT = Path(__file__).parents[1]
COPIED = ("embcomp", "tests", "docs", "benchmarks", "pyproject.toml", "README.md")

QUIET = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is loaded already

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATIONS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr, ast.Div: ast.Mult, ast.MatMult: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what could stand in the place of ``node``."""
    changed = copy.copy(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        changed.ops = [COMPARISONS[type(node.ops[0])]()]
        yield changed
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATIONS:
        changed.op = OPERATIONS[type(node.op)]()
        yield changed
    elif isinstance(node, ast.BoolOp):
        changed.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.copy_location(ast.Constant(not node.value), node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.copy_location(ast.Constant(node.value + 1), node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        changed.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        yield changed


class Place(ast.NodeTransformer):
    """Puts one change in its place, counting nodes in the order they are visited."""

    def __init__(self, number: int) -> None:
        self.number, self.seen, self.line = number, -1, 0

    def visit(self, node: ast.AST) -> ast.AST:
        for changed in changes(node):
            self.seen += 1
            if self.seen == self.number:
                self.line = getattr(node, "lineno", 0)
                return changed
        return self.generic_visit(node)


def without_annotations_and_docs(tree: ast.Module) -> ast.Module:
    """Annotations do nothing when a program runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                argument.annotation = None
    return tree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--sample", type=int, help="try this many mutants, picked at random")
    given = parser.parse_args()
    source = (ROOT / given.module).read_text(encoding="utf-8")
    counter = Place(-1)
    counter.visit(without_annotations_and_docs(ast.parse(source)))
    numbers = list(range(counter.seen + 1))
    if given.sample and given.sample < len(numbers):
        numbers = sorted(random.Random(0).sample(numbers, given.sample))
    with tempfile.TemporaryDirectory(prefix="embcomp-mutants-") as folder:
        for name in COPIED:
            copier = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copier(ROOT / name, Path(folder) / name)
        limit = 5 * run_tests(folder, given.tests, None)[1] + 5
        survivors = [number for number in numbers if survives(folder, given, source, number, limit)]
    print(f"{given.module}: {len(numbers)} mutants, {len(survivors)} survived")


def survives(folder: str, given: argparse.Namespace, source: str, number: int, limit: float) -> bool:
    place = Place(number)
    mutant = ast.unparse(ast.fix_missing_locations(place.visit(without_annotations_and_docs(ast.parse(source)))))
    (Path(folder) / given.module).write_text(mutant, encoding="utf-8")
    passed, _ = run_tests(folder, given.tests, limit)
    if passed:
        print(
            f"{given.module}:{place.line}: survives, change {number}: {source.splitlines()[place.line - 1].strip()}"
        )
        sys.stdout.flush()
    return passed


def run_tests(folder: str, tests: list[str], limit: float | None) -> tuple[bool, float]:
    """Run the tests in a fork, which has pytest and the libraries loaded but not the project."""
    start = time.perf_counter()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            log = os.open(Path(folder) / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(folder)
            sys.path.insert(0, folder)
            sys.dont_write_bytecode = True
            signal.alarm(int(limit) + 1 if limit else 0)
            code = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *QUIET, *tests]))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    passed = os.waitpid(process, 0)[1] == 0
    if limit is None and not passed:
        raise SystemExit((Path(folder) / "log").read_text())
    return passed, time.perf_counter() - start


if __name__ == "__main__":
    main()
