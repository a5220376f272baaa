"""Evaluation: how long it takes, and what quality the methods keep."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import Bar, Contest, DisagreementError, Side, timed

Files = dict[str, str]
SIX_SETS = ("MEN", "MTurk-287", "RG-65", "RW", "SimLex-999", "WS-353")
RESTRICT = 30_000


def suite(files: Files, name: str) -> dict[str, Any]:
    """All sets of a suite on a compressed file, opened before the clock starts."""
    import embcomp

    target = embcomp.open(files["embc"])
    with timed() as clock:
        scores = embcomp.evaluate(target, suites=[name], data_dir=files["data"])
    return {"seconds": clock.seconds, "sets": len(scores)}


def our_analogies(files: Files) -> dict[str, Any]:
    """What gensim does and no more: 3CosAdd, without the suite's 3CosMul and intervals."""
    from benchmarks.prepare import load
    from embcomp.embedding import Embedding
    from embcomp.eval.analogy import answer, number_questions
    from embcomp.eval.datasets import collect
    from embcomp.eval.statistics import unit_rows

    words, vectors = load(files)
    data = next(data for data in collect() if data.suite == "analogy")
    embedding = Embedding(words, vectors)
    with timed() as clock:
        questions = number_questions(data, embedding.first_words(RESTRICT))
        units = unit_rows(embedding.vectors[:RESTRICT]).astype("float32")
        answers = answer(units, questions, "3cosadd")
        hits = (questions.same[answers] == questions.words[:, 3]).mean()
    return {"seconds": clock.seconds, "answer": round(100 * float(hits), 3)}


def gensim_analogies(files: Files) -> dict[str, Any]:
    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath

    from benchmarks.prepare import load

    words, vectors = load(files)
    loaded = KeyedVectors(vectors.shape[1])
    loaded.add_vectors(words, vectors)
    with timed() as clock:
        score, _ = loaded.evaluate_word_analogies(datapath("questions-words.txt"), restrict_vocab=RESTRICT)
    return {"seconds": clock.seconds, "answer": round(100 * score, 3)}


def quality(files: Files, method: str = "", seeds: int = 5, **config: Any) -> dict[str, Any]:
    """Mean Spearman ×100 over the six sets, mean over seeds; without a method, of the vectors themselves."""
    import statistics

    from benchmarks.prepare import load
    from benchmarks.remove_top import rank_correlation
    from embcomp.compressors.registry import make_compressor
    from embcomp.embedding import Embedding
    from embcomp.eval.datasets import collect

    words, vectors = load(files)
    found = {data.name: data for data in collect(files["data"]) if data.suite == "similarity"}
    sets = [found[name] for name in SIX_SETS]

    def score(matrix: Any) -> float:
        target = Embedding(words, matrix)
        return 100 * statistics.fmean(rank_correlation(target, data) for data in sets)

    own = score(vectors)
    if not method:
        return {"score": own, "scores": [own], "of_floats": 1.0}
    scores = []
    for seed in range(seeds):
        compressor = make_compressor(method, **config, **({} if method == "sign" else {"random_state": seed}))
        scores.append(score(compressor.decode(compressor.fit_encode(vectors))))
    mean = statistics.fmean(scores)
    return {"score": mean, "scores": scores, "of_floats": mean / own}


def same_score(answers: dict[str, float]) -> str:
    if max(answers.values()) - min(answers.values()) > 0.01:
        raise DisagreementError(f"accuracies: {answers}")
    return f"accuracy ×100: {answers}"


def _quality(name: str, method: str = "", **config: Any) -> Side:
    return Side(name, "contests_eval:quality", {"method": method} | config)


QUALITY = (
    _quality("float32"),
    _quality("sign", "sign"),
    _quality("itq, all rows", "itq", fit_rows="all", unit_rows=False),
    _quality("iiq, D = 5, all rows", "iiq", fit_rows="all", unit_rows=False, remove_top=5),
    *(_quality(f"iiq, {bits} bits", "iiq", bits=bits) for bits in (100, 50, 25, 200)),
)

CONTESTS = (
    Contest(
        "analogies",
        f"Google's analogies among {RESTRICT:,} words",
        (
            Side("embcomp", "contests_eval:our_analogies"),
            Side("gensim evaluate_word_analogies", "contests_eval:gensim_analogies", needs="gensim"),
        ),
        (
            Bar(
                "analogies",
                "embcomp",
                10,
                "gensim evaluate_word_analogies",
                unit="times faster",
                at_least=True,
                inverse=True,
            ),
        ),
        same_score,
        ("matrix", "words"),
        note="Both compute 3CosAdd. The suite takes longer: it has 3CosMul and intervals too.",
    ),
    Contest(
        "suites",
        "Evaluating an .embc file, all sets of a folder",
        tuple(Side(name, "contests_eval:suite", {"name": name}) for name in ("similarity", "categorization")),
        (
            Bar("all similarity sets", "similarity", 3, unit="s"),
            Bar("all categorization sets", "categorization", 30, unit="s"),
        ),
        needs=("embc",),
        needs_data=True,
    ),
    Contest(
        "quality",
        "Quality kept: mean Spearman ×100 over six similarity sets, seeds 0–4",
        QUALITY,
        (
            Bar("float32, lowest", "float32", 52.2, quantity="score", at_least=True),
            Bar("float32, highest", "float32", 52.4, quantity="score"),
            Bar("sign, lowest", "sign", 48.4, quantity="score", at_least=True),
            Bar("sign, highest", "sign", 48.8, quantity="score"),
            Bar("itq, all rows, lowest", "itq, all rows", 39.6, quantity="score", at_least=True),
            Bar("itq, all rows, highest", "itq, all rows", 42.6, quantity="score"),
            Bar("iiq, D = 5, all rows", "iiq, D = 5, all rows", 0.97, quantity="of_floats", at_least=True),
            *(
                Bar(f"iiq, {bits} bits", f"iiq, {bits} bits", limit, quantity="of_floats", at_least=True)
                for bits, limit in ((100, 1.01), (50, 0.91), (25, 0.80), (200, 1.04))
            ),
        ),
        needs=("matrix", "words"),
        needs_data=True,
        repeats=1,
        note="One repetition, because nothing in it depends on the clock.",
    ),
)
