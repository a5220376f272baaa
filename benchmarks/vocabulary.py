"""Race the vocabulary against a MARISA trie with a packed permutation: python -m benchmarks.vocabulary FILE

FILE has a word at the start of each line, as GloVe's text. Each side runs in processes of its own, in turns; the best
of all repetitions counts, in processor time, so that other work on the machine disturbs little. ``--words N`` makes N
words out of pairs of FILE's. Needs the package marisa-trie.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

N_ASKED = 10_000
REPEATED = 20
Facts = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--words", type=int, default=0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(SIDES[given.side](words_of(given.file, given.words))))
        return
    best: dict[str, Facts] = {side: {} for side in SIDES}
    for _ in range(given.turns):
        for side, facts in best.items():
            command = [sys.executable, "-m", "benchmarks.vocabulary", *sys.argv[1:], "--side", side]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            facts.update({name: min(value, facts.get(name, value)) for name, value in found.items()})
    print("| | ours | trie |\n| --- | ---: | ---: |")
    for name in best["ours"]:
        print(f"| {name} | {best['ours'][name]:.4g} | {best['trie'][name]:.4g} |")


def words_of(file: Path, n_words: int) -> list[str]:
    """The words of a file, or pairs of them: a frequent one and any other."""
    lines = file.read_text(encoding="utf-8").split("\n")
    words = [line.partition(" ")[0] for line in lines if line]
    if not n_words:
        return words
    draw = random.Random(0)
    made = dict.fromkeys(words)
    while len(made) < n_words:
        made[f"{words[int(2000 * draw.random())]}_{words[int(len(words) * draw.random())]}"] = None
    return list(made)


def ours(words: list[str]) -> Facts:
    from embcomp.vocabulary import Part, Vocabulary
    from embcomp.wordlist import WordList

    facts = built(lambda: Vocabulary.build(iter(words)))
    known = facts.pop("built")
    stored = [(bytes(part.words.index), bytes(part.words.pages), part.order) for part in known.parts]
    facts["bytes a word: words"] = sum(len(index) + len(pages) for index, pages, _ in stored) / len(words)
    facts["bytes a word: order"] = sum(len(order) for _, _, order in stored) / len(words)

    def opened() -> Vocabulary:
        lists = [WordList("words", index, pages) for index, pages, _ in stored]
        return Vocabulary([Part(one, lambda order=order: order, "order") for one, (*_, order) in zip(lists, stored)])  # type: ignore[misc] # noqa: B905

    return facts | looked_up(words, opened, lambda known: known.find, lambda known: known.ranks, list)


def trie(words: list[str]) -> Facts:
    import marisa_trie
    import numpy as np

    from embcomp import bits

    width = (len(words) - 1).bit_length()

    def build() -> tuple[bytes, Any]:
        made = marisa_trie.Trie(words)
        rows = np.fromiter(map(made.__getitem__, words), dtype=np.int64, count=len(words))
        return made.tobytes(), bits.tighten(bits.pack_symbols(rows[:, None], width), width)

    facts = built(build)
    data, order = facts.pop("built")
    facts["bytes a word: words"], facts["bytes a word: order"] = len(data) / len(words), len(order) / len(words)

    def opened() -> Any:
        made = marisa_trie.Trie()
        made.map(data)
        return made

    def everything(made: Any) -> list[str]:
        rows = bits.unpack_symbols(bits.loosen(order, width, 0, len(words)), 1, width)[:, 0]
        return [made.restore_key(row) for row in rows.tolist()]

    many = lambda made: lambda asked: np.fromiter((made.get(word, -1) for word in asked), np.int64, len(asked))  # noqa: E731
    return facts | looked_up(words, opened, lambda made: made.__getitem__, many, everything)


def built(work: Callable[[], Any]) -> Facts:
    """What ``work`` gives, its processor time, and by how much the process grew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is from now on
    before = memory("VmRSS")
    start = time.process_time()
    result = work()
    seconds = time.process_time() - start
    return {"build, s": seconds, "memory while building, MB": memory("VmHWM") - before, "built": result}


def memory(name: str) -> float:
    """A line of what Linux says of this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def looked_up(words: list[str], opened: Any, find: Any, find_many: Any, everything: Any) -> Facts:
    draw = random.Random(1)
    asked = [words[draw.randrange(len(words))] for _ in range(N_ASKED)]
    known = opened()
    cold = sorted(seconds(lambda word=word: find(known)(word)) for word in asked[:1000])  # type: ignore[misc]
    return {
        "open, ms": 1e3 * best_of(opened),
        "a word for the first time, median, µs": 1e6 * cold[500],
        "a word again, µs": 1e6 * best_of(lambda: find(known)(asked[999])),
        "10,000 words at once, ms": 1e3 * best_of(lambda: find_many(known)(asked), 5),
        "all words by rank, s": best_of(lambda: everything(opened()), 2),
    }


def best_of(work: Callable[[], Any], times: int = REPEATED) -> float:
    return min(seconds(work) for _ in range(times))


def seconds(work: Callable[[], Any]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


SIDES: dict[str, Callable[[list[str]], Facts]] = {"ours": ours, "trie": trie}

if __name__ == "__main__":
    main()
