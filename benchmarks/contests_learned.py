"""KD codes beside faiss's quantizers, and ALONE; the work itself is in ``kd.py`` and ``alone.py``."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import Bar, Contest, DisagreementError, Side, timed

Files = dict[str, str]
FIT_ROWS = 65_536
ALONE_ROWS = 5_000


def quantizer(files: Files, who: str, dims: int, bits: int) -> dict[str, Any]:
    """Train on the same rows, encode all: seconds of both, and ‖X − X̂‖² / ‖X − mean‖²."""
    import numpy as np

    from benchmarks.kd import run_faiss, run_kd
    from embcomp.threads import set_threads

    set_threads(2)
    vectors = np.load(files["matrix"])
    rows = vectors[np.sort(np.random.default_rng(0).permutation(len(vectors))[:FIT_ROWS])]
    dim = vectors.shape[1]
    if who == "kd":
        outcome = run_kd(vectors, rows, {"ways": 2**bits, "dims": dims})
    else:
        name = "ResidualQuantizer" if who == "faiss RQ" else "ProductQuantizer"
        outcome = run_faiss(vectors, rows, lambda faiss: getattr(faiss, name)(dim, dims, bits))
    seconds = outcome["fit"]["wall"] + outcome["encode"]["wall"]
    return {"seconds": seconds, "error": outcome["error"], "answer": outcome["error"]}


def alone(files: Files, filter_name: str, epochs: int) -> dict[str, Any]:
    import numpy as np

    from benchmarks.alone import relative_error
    from embcomp.compressors.registry import make_compressor

    vectors = np.load(files["matrix"])[:ALONE_ROWS]
    compressor = make_compressor("alone", filter=filter_name, inter=2400, epochs=epochs)
    with timed() as clock:
        codes = compressor.fit_encode(vectors)
    decoded = compressor.decode(codes, np.arange(len(vectors)))
    result = {"seconds": clock.seconds, "error": relative_error(vectors, decoded)}
    return result | ({"quality": _quality(files, vectors, decoded)} if "data" in files else {})


def _quality(files: Files, vectors: Any, decoded: Any) -> float:
    """Lowest share of the vectors' own score that is kept, over the sets of [Takase 2020], pairs covered."""
    from pathlib import Path

    from benchmarks.alone import SETS, covered_scores
    from benchmarks.prepare import load
    from embcomp.embedding import Embedding
    from embcomp.eval.datasets import collect

    embedding = Embedding(load(files)[0][:ALONE_ROWS], vectors)
    sets: list[Any] = [data for data in collect(Path(files["data"])) if data.name in SETS]
    own, kept = (covered_scores(embedding, matrix, sets) for matrix in (vectors, decoded))
    return min(kept[name] / own[name] for name in own)


def errors_known(answers: dict[str, float]) -> str:
    if not all(0 < error < 1 for error in answers.values()):
        raise DisagreementError(f"errors: {answers}")
    return "each decodes its own codes: an error between 0 and 1 on all rows"


def _kd_contest(dims: int, bits: int, peer: str, error: float, seconds: float | None) -> Contest:
    """A race with a peer, and what is wanted of its error and its seconds; those of PQ are quick and coarse."""
    who = ["kd", peer]
    bars = [Bar(f"relative error, {dims}×{2**bits}", "kd", error, peer, "error", unit=f"of {peer}'s")]
    if seconds is not None:
        bars.append(Bar(f"fit and encode, {dims}×{2**bits}", "kd", seconds, peer, unit=f"of {peer}'s"))
    return Contest(
        f"kd-{dims}x{2**bits}",
        f"Learned codes, {dims} symbols of {bits} bits",
        tuple(
            Side(
                name,
                "contests_learned:quantizer",
                {"who": name, "dims": dims, "bits": bits},
                needs="" if name == "kd" else "faiss",
            )
            for name in who
        ),
        tuple(bars),
        errors_known,
        ("matrix",),
        note=f"Trained on the same {FIT_ROWS:,} random rows, all rows encoded.",
    )


def _alone_contest(filter_name: str, most_error: float) -> Contest:
    name = f"alone {filter_name}"
    return Contest(
        f"alone-{filter_name}",
        f"ALONE, {filter_name} filters, {ALONE_ROWS:,} words, 2,400 units, 300 epochs",
        (Side(name, "contests_learned:alone", {"filter_name": filter_name, "epochs": 300}),),
        (
            Bar(f"relative error, {filter_name}", name, most_error, quantity="error"),
            Bar(f"training, {filter_name}", name, 60, unit="s"),
            Bar(
                f"lowest share of a similarity score kept, {filter_name}",
                name,
                0.98,
                quantity="quality",
                at_least=True,
            ),
        ),
        needs=("matrix", "words"),
    )


CONTESTS = (
    _kd_contest(12, 8, "faiss RQ", 0.95, 0.15),
    _kd_contest(10, 6, "faiss RQ", 1.0, 1.0),
    _kd_contest(10, 8, "faiss PQ", 1.0, None),
    _alone_contest("binary", 0.03),
    _alone_contest("real", 0.06),
)
