"""Language models and classifiers with compressed tables, as the papers have them: ``make models DATA=folder``.

    python benchmarks/models.py run --data FOLDER [--only NAME …] [--seeds 0 1 2]     needs torch
    python benchmarks/models.py page                                                 tables into docs/models.md

FOLDER has ``lm/``, ``classification/`` and ``similarity/``. Trained models are kept in ``build/models``, and what was
recorded is not run again. ``run`` appends JSON lines to ``benchmarks/results/models.jsonl``. Each run is the command
that a user would give, in a process of its own with one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "models.jsonl"
Record = dict[str, Any]


@dataclass(frozen=True)
class System:
    """A language model.

    ``options`` are those of ``lm train``; ``method`` and its options make the input table from that of the model
    ``of``, which is trained on with ``start``.
    """

    name: str
    title: str
    options: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    of: str = ""
    start: bool = False
    corpus: str = "ptb"


KD = ("kd", "--ways", "50", "--dims", "10", "--remove-top", "0")
ON = ("--epochs", "1", "--rate", "5")
SYSTEMS = (
    System("float-tied", "float, tied", ("--tied",)),
    System("belm-tied", "BELM, tied", ("--system", "belm", "--tied")),
    System("float", "float"),
    System("belm", "BELM", ("--system", "belm")),
    System("bllm", "BLLM", ("--system", "bllm", "--code-rate", "0.016", "--dropout", "0")),
    System("kd", "KD 50 × 10, learned codes", ("--system", "kd"), KD, "float"),
    System("kd-ste", "KD 50 × 10, codes of Algorithm 1", ("--system", "kd"), (*KD, "--solver", "ste"), "float"),
    System("kd-random", "KD 50 × 10, random codes", ("--system", "kd"), (*KD, "--solver", "random"), "float"),
    System("alone", "ALONE, 1,024 units, binary filters", ("--system", "alone", "--code-rate", "1e-3")),
    System("itq-tuned", "ITQ's table, the rest trained on", ("--system", "embc", *ON), ("itq",), "float", start=True),
    System("prune", "tables pruned by 95 %, trained on", ("--system", "prune", *ON), (), "float", start=True),
)
# after the fact: methods for the input table of a trained float model, which stays as it is
AFTER = {
    "itq": ("ITQ, 200 bits, with lengths", ("itq",)),
    "itq-plain": ("ITQ, 200 bits, without lengths", ("itq", "--lengths", "0")),
    "sign": ("sign, with lengths", ("sign",)),
    "sign-plain": ("sign, without lengths", ("sign", "--lengths", "0")),
    "iiq": ("IIQ, which finds no direction to remove, with lengths", ("iiq",)),
    "iiq-9": ("IIQ, 9 directions removed, after which lengths do not vary", ("iiq", "--remove-top", "9")),
    "kd-after": ("KD 50 × 10", KD),
}


class Runner:
    """Runs what is not recorded."""

    def __init__(self, data: Path, work: Path, records: Path) -> None:
        self.data, self.work, self.records = data, work, records
        self.done = {(each.get("name"), each["seed"]) for each in read_records(records)}

    def run(self, name: str, seed: int) -> None:
        """One system or method with one seed, and what it needs."""
        if (name, seed) in self.done:
            return
        system = next((each for each in SYSTEMS if each.name == name), None)
        facts = self._after(name, seed) if system is None else self._trained(system, seed)
        self._record({"name": name, "seed": seed, **facts})

    def _trained(self, system: System, seed: int) -> Record:
        folder = self._folder(system.name, seed)
        if not (folder / "lm.json").exists():
            train, valid, test = self._texts(system.corpus)
            command = [
                "train",
                train,
                "--valid",
                valid,
                "--test",
                test,
                "-o",
                folder,
                *system.options,
                "--seed",
                seed,
            ]
            if system.method:
                command += ["--input", self._table(system.name, system.method, system.of, seed)]
            if system.start:
                self.run(system.of, seed)
                command += ["--from", self._folder(system.of, seed)]
            self._lm(command)
        return json.loads((folder / "lm.json").read_text(encoding="utf-8"))

    def _after(self, name: str, seed: int) -> Record:
        table = self._table(name, AFTER[name][1], "float", seed)
        sizes = self._embcomp(["info", table, "--json"])["bytes"]
        score = self._lm(["eval", self._folder("float", seed), self._texts("ptb")[2], "--input", table])
        return {"bytes": {"input": sizes["codes"] + sizes["state"]}, "test": score["perplexity"]}

    def _table(self, name: str, method: tuple[str, ...], of: str, seed: int) -> Path:
        """The input table of a trained model, compressed."""
        target = self._folder(name, seed).with_suffix(".embc")
        if not target.exists():
            self.run(of, seed)
            folder = self._folder(of, seed)
            words = ["--word-list", folder / "words.txt"]
            given = ["--seed", seed] if method[0] != "sign" else []
            self._embcomp(
                ["compress", folder / "input.npy", *words, "-o", target, "--method", *method, *given, "--json"]
            )
        return target

    def _folder(self, name: str, seed: int) -> Path:
        return self.work / f"{name}-{seed}"

    def _texts(self, corpus: str) -> tuple[Path, ...]:
        def of(part: str) -> Path:
            return next((self.data / "lm").glob(f"{corpus}.{part}.*"))

        return of("train"), of("valid"), of("test")

    def _lm(self, arguments: list[Any]) -> Record:
        return called("embcomp.torch.lm", [*arguments, "--json"])

    def _embcomp(self, arguments: list[Any]) -> Record:
        return called("embcomp", arguments)

    def _record(self, facts: Record) -> None:
        self.done.add((facts["name"], facts["seed"]))
        append(self.records, facts)


def called(module: str, arguments: list[Any]) -> Record:
    """Run a command of the package and take its document."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: Record = json.loads(done.stdout)["results"][0]
    return result


def read_records(path: Path) -> list[Record]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


SIMILARITY = ("WS-353-ALL", "MEN")
TEXTS = ("MR", "CR", "SUBJ", "MPQA")


def texts(arguments: argparse.Namespace) -> None:
    """Classifiers: every set, table and seed that is not recorded."""
    from models_texts import TABLES, measured

    known = {(each["set"], each["table"], each["seed"]) for each in read_records(arguments.records) if "set" in each}
    for seed in arguments.seeds:
        for name in TEXTS:
            for table in arguments.only or TABLES:
                if (name, table, seed) not in known:
                    facts = measured(arguments.data, arguments.vectors, name, table, seed)
                    append(arguments.records, {"set": name, "table": table, "seed": seed, **facts})


def similarity(arguments: argparse.Namespace) -> None:
    """Word similarity of learned tables, as [Liu 2018, Table 8]; signs of a float table are against its mean."""
    import numpy as np
    from kd import covered_pairs
    from kd import similarity as score

    from embcomp.container.reader import open_container

    for folder in sorted(arguments.work.glob("*-[0-9]")):
        if (folder / "input.npy").exists():
            table, words = np.load(folder / "input.npy"), (folder / "words.txt").read_text(encoding="utf-8").split()
            kinds = {"vectors": table, "signs": np.where(table > table.mean(axis=0), 1.0, -1.0)}
        elif (folder / "input.embc").exists():
            encoded = open_container(folder / "input.embc")
            words, kinds = encoded.words, {"vectors": encoded.decode_rows(np.arange(len(encoded)))}
        else:
            continue
        pairs = {name: covered_pairs(arguments.data / "similarity" / f"{name}.tsv", words) for name in SIMILARITY}
        scores = {kind: {name: score(table, *pairs[name]) for name in SIMILARITY} for kind, table in kinds.items()}
        used = {name: len(each[0]) for name, each in pairs.items()}
        append(arguments.records, {"similarity": folder.name, "seed": int(folder.name[-1]), "pairs": used, **scores})


def append(records: Path, facts: Record) -> None:
    """Add a line to the records, with what it was measured with, and print the gist."""
    import torch

    about = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    with records.open("a", encoding="utf-8") as out:
        print(json.dumps({**facts, **about}), file=out)
    gist = {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
    print(json.dumps(gist), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    running, classifying = commands.add_parser("run"), commands.add_parser("texts")
    running.add_argument("--only", nargs="+", default=[*(each.name for each in SYSTEMS), *AFTER], metavar="NAME")
    running.add_argument("--work", type=Path, default=ROOT / "build" / "models", help="where models are kept")
    classifying.add_argument("--only", nargs="+", metavar="TABLE")
    classifying.add_argument("vectors", type=Path, help="word vectors, such as glove.6B.100d.txt")
    comparing = commands.add_parser("similarity")
    comparing.add_argument("--work", type=Path, default=ROOT / "build" / "models", help="where models are kept")
    for command, call in ((running, run), (classifying, texts), (comparing, similarity)):
        command.add_argument("--data", type=Path, required=True, help="folder with lm/, classification/, similarity/")
        command.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
        command.set_defaults(call=call)
    commands.add_parser("page").set_defaults(call=page)
    parser.add_argument("--records", type=Path, default=RECORDS)
    arguments = parser.parse_args()
    arguments.call(arguments)


def run(arguments: argparse.Namespace) -> None:
    arguments.work.mkdir(parents=True, exist_ok=True)
    runner = Runner(arguments.data, arguments.work, arguments.records)
    for seed in arguments.seeds:
        for name in arguments.only:
            runner.run(name, seed)


def page(arguments: argparse.Namespace) -> None:
    """Put the tables into docs/models.md."""
    from models_page import put, tables

    path = ROOT / "docs" / "models.md"
    text = path.read_text(encoding="utf-8")
    for name, table in tables(read_records(arguments.records)).items():
        text = put(text, name, table)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
