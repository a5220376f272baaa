"""Mutation testing: change one thing at a time in a kernel and see whether its tests notice.

    python -m benchmarks.mutate                                # all kernels, an hour; `make mutants`
    python -m benchmarks.mutate embcomp/bits.py
    python -m benchmarks.mutate embcomp/search/nearest.py --sample 60

Works on a copy of the project in a temporary folder. A mutant that passes the tests is either a gap in the tests or a
change that somebody has looked at: benchmarks/survivors.toml says of each of those why it may live. Prints those it
does not know and ends with exit code 1 if there are any; otherwise puts the counts into docs/reliability.md, unless
it took a sample. A mutant that runs into the time limit counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis.extra.numpy  # noqa: F401  loaded once, here, and not again for each mutant
import pytest
import scipy.spatial  # noqa: F401

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
START, END = "<!-- mutants -->\n", "<!-- end of mutants -->\n"
KERNELS = {  # with the tests that should notice, those first that do it soonest
    "embcomp/bits.py": ["tests/test_bits.py"],
    "embcomp/container/layout.py": [
        "tests/container/test_container_refused.py",
        "tests/container/test_sections_refused.py",
        "tests/container",
    ],
    "embcomp/container/reader.py": [
        "tests/container/test_container_refused.py",
        "tests/container/test_sections_refused.py",
        "tests/container",
    ],
    "embcomp/wordlist/deflate.py": ["tests/wordlist"],
    "embcomp/wordlist/pages.py": ["tests/wordlist"],
    "embcomp/wordlist/texts.py": ["tests/wordlist"],
    "embcomp/wordlist/wordlist.py": ["tests/wordlist"],
    "embcomp/wordlist/writing.py": ["tests/wordlist"],
    "embcomp/vocabulary/part.py": ["tests/test_vocabulary.py"],
    "embcomp/shortlist.py": ["tests/test_shortlist.py", "tests/search"],
    "embcomp/kernels/hamming.py": ["tests/kernels/test_hamming.py", "tests/search"],
    "embcomp/kernels/best.py": ["tests/kernels/test_best.py", "tests/search"],
    "embcomp/search/nearest.py": ["tests/search/test_nearest.py", "tests/search"],
    "embcomp/search/tables.py": ["tests/search/test_tables.py", "tests/search"],
}
EFFECTS = ("none", "speed", "accepted")  # of a survivor, in survivors.toml

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

    node: ast.AST
    changed: ast.AST

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, -1

    def visit(self, node: ast.AST) -> ast.AST:
        for changed in changes(node):
            self.seen += 1
            if self.seen == self.number:
                self.node, self.changed = node, changed
                return changed
        return self.generic_visit(node)


def before_and_after(source: str, place: Place) -> tuple[str, str]:
    """Return the first line of what was changed, and that line with the change."""
    node = place.node
    assert isinstance(node, ast.expr | ast.stmt)
    lines = source.encode().splitlines()
    line = lines[node.lineno - 1]
    now = ast.unparse(ast.fix_missing_locations(copy.deepcopy(place.changed))).splitlines()[0]
    if isinstance(node, ast.expr):
        end = line[node.end_col_offset :] if node.end_lineno == node.lineno else b" ..."
        now = line[: node.col_offset].decode() + now + end.decode()
    return line.decode().strip(), now.strip()


def without_annotations_and_docs(tree: ast.Module) -> ast.Module:
    """Annotations do nothing when a program runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                argument.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.copy_location(ast.Name("object"), node)
    return tree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=list(KERNELS), help=f"of {', '.join(KERNELS)}")
    parser.add_argument("--sample", type=int, help="try this many mutants of each, picked at random")
    given = parser.parse_args()
    known = tomllib.loads((ROOT / "benchmarks" / "survivors.toml").read_text(encoding="utf-8"))
    unknown = 0
    for module in given.modules:
        effects = Counter(tried(module, known.get(module, []), given.sample))
        unknown += effects["unknown"]
        print(f"{module}: {effects.total()} mutants, {dict(effects)}", flush=True)
        if not given.sample and not effects["unknown"]:
            write_row(module, effects)
    raise SystemExit(unknown > 0)


def tried(module: str, known: list[dict[str, str]], sample: int | None) -> Iterator[str]:
    """Yield of each mutant what became of it: killed, or the effect it is known to have, or unknown."""
    source = (ROOT / module).read_text(encoding="utf-8")
    counter = Place(-1)
    counter.visit(without_annotations_and_docs(ast.parse(source)))
    numbers = list(range(counter.seen + 1))
    if sample and sample < len(numbers):
        numbers = sorted(random.Random(0).sample(numbers, sample))
    effects = {(entry["was"], entry["now"]): entry["effect"] for entry in known}
    assert set(effects.values()) <= set(EFFECTS)
    alive = set()
    with tempfile.TemporaryDirectory(prefix="embcomp-mutants-") as folder:
        for name in COPIED:
            copier = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copier(ROOT / name, Path(folder) / name)
        limit = 5 * run_tests(folder, KERNELS[module], None)[1] + 5
        for number in numbers:
            place = Place(number)
            mutant = place.visit(without_annotations_and_docs(ast.parse(source)))
            text = ast.unparse(ast.fix_missing_locations(mutant))
            (Path(folder) / module).write_text(text, encoding="utf-8")
            if not run_tests(folder, KERNELS[module], limit)[0]:
                yield "killed"
                continue
            lines = before_and_after(source, place)
            alive.add(lines)
            effect = effects.get(lines, "unknown")
            if effect == "unknown":
                print(f"[[{json.dumps(module)}]]\nwas = {lines[0]!r}\nnow = {lines[1]!r}\n", flush=True)
            yield effect
    if not sample:
        for _, now in effects.keys() - alive:
            print(f"{module}: survives no more: {now}", flush=True)


def write_row(module: str, effects: Counter[str]) -> None:
    """Replace the module's row in the page, or add it."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    table, after = rest.split(END)
    rows = {row.split("`")[1]: row for row in table.splitlines() if row.startswith("| `")}
    counts = [effects.total(), effects["killed"], *(effects[effect] for effect in EFFECTS)]
    rows[module] = f"| `{module}` | {' | '.join(map(str, counts))} |"
    head = ["| module | mutants | killed | survive: no effect | speed only | accepted |", "| --- |" + 5 * " ---: |"]
    lines = [*head, *(rows[name] for name in KERNELS if name in rows)]
    PAGE.write_text("\n".join([before + START, *lines, "", END + after]), encoding="utf-8")


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
