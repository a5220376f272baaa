"""Fitting rotations and encoding, beside faiss."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import Bar, Contest, DisagreementError, Side, timed

Files = dict[str, str]
LOSS_TOLERANCE = 0.005
LOSS_ROWS = 50_000


def relative_loss(rotated: Any) -> float:
    """Σ‖v − s sgn(v)‖² / Σ‖v‖² of unit rows v, with the best s: what rounding to bits loses."""
    import numpy as np

    rotated = rotated / np.maximum(np.linalg.norm(rotated, axis=1, keepdims=True), 1e-12)
    return float(1 - rotated.shape[1] * np.abs(rotated).mean(dtype=np.float64) ** 2)


def embcomp_fit(files: Files, method: str = "itq", **config: Any) -> dict[str, Any]:
    import numpy as np

    from embcomp.compressors.registry import make_compressor

    vectors = np.load(files["matrix"])
    compressor = make_compressor(method, **config)
    with timed() as clock:
        compressor.fit(vectors)
    state = compressor.get_state()
    loss = relative_loss((vectors[::7][:LOSS_ROWS] - state["mean"]) @ state["rotation"])
    return {"seconds": clock.seconds, "loss": loss, "answer": loss, "rounds": compressor.report["rounds"]}


def wide_fit(files: Files, rows: int, dim: int = 1536) -> dict[str, Any]:
    import numpy as np

    from embcomp.compressors.registry import make_compressor

    vectors = np.random.default_rng(0).standard_normal((rows, dim), dtype=np.float32)
    vectors *= np.arange(1, dim + 1, dtype=np.float32) ** -0.5
    compressor = make_compressor("iiq")
    with timed() as clock:
        compressor.fit(vectors)
    return {"seconds": clock.seconds, "rounds": compressor.report["rounds"]}


def faiss_fit(files: Files, all_rows: bool = True) -> dict[str, Any]:
    import faiss
    import numpy as np

    vectors = np.load(files["matrix"])
    dim = vectors.shape[1]
    transform = faiss.ITQTransform(dim, dim, True)
    if all_rows:
        transform.max_train_per_dim = 10**6
    with timed() as clock:
        transform.train(vectors)
    loss = relative_loss(transform.apply(np.ascontiguousarray(vectors[::7][:LOSS_ROWS])))
    return {"seconds": clock.seconds, "loss": loss, "answer": loss}


def embcomp_encode(files: Files) -> dict[str, Any]:
    import numpy as np

    from embcomp.container.reader import open_container

    vectors = np.load(files["matrix"])
    compressor = open_container(files["bits100"]).compressor
    compressor.encode(vectors[:4096])
    with timed() as clock:
        codes = compressor.encode(vectors)
    state = compressor.get_state()
    plain = np.packbits((vectors[:2000] - state["mean"]) @ state["rotation"] > 0, axis=1)
    return {"seconds": clock.seconds, "answer": [list(codes.shape), agreement(codes[:2000], plain)]}


def faiss_encode(files: Files) -> dict[str, Any]:
    import faiss
    import numpy as np

    vectors = np.load(files["matrix"])
    index = faiss.index_factory(vectors.shape[1], f"ITQ{vectors.shape[1]},LSH")
    index.train(vectors)
    index.sa_encode(vectors[:4096])
    with timed() as clock:
        codes = index.sa_encode(vectors)
    rotated = index.chain.at(0).apply(np.ascontiguousarray(vectors[:2000])) if hasattr(index, "chain") else None
    plain = codes[:2000] if rotated is None else np.packbits(rotated >= 0, axis=1, bitorder="little")
    return {"seconds": clock.seconds, "answer": [list(codes.shape), agreement(codes[:2000], plain)]}


def agreement(codes: Any, plain: Any) -> float:
    """Share of equal bits, to three digits: rounding may turn a bit whose number is next to 0."""
    import numpy as np

    return round(1 - float(np.unpackbits(codes ^ plain).mean()), 3)


OURS_ALL, FAISS_ALL = "itq, all rows", "faiss ITQTransform, all rows"


def same_loss(answers: dict[str, float]) -> str:
    ours, theirs = answers[OURS_ALL], answers[FAISS_ALL]
    if ours > theirs * (1 + LOSS_TOLERANCE):
        raise DisagreementError(f"loss {ours:.5f}, faiss {theirs:.5f}")
    return f"loss on the same rows: {ours:.5f}, faiss {theirs:.5f} (not above it by more than 0.5 %)"


def same_bits(answers: dict[str, Any]) -> str:
    if any(answer != [answers["embcomp"][0], 1.0] for answer in answers.values()):
        raise DisagreementError(f"codes: {answers}")
    return "each side's codes: the signs of its own projection, computed plainly; equal shapes"


CONTESTS = (
    Contest(
        "fit",
        "Fitting a rotation, one bit per dimension",
        (
            Side(OURS_ALL, "contests_fit:embcomp_fit", {"fit_rows": "all", "iterations": 50}),
            Side(FAISS_ALL, "contests_fit:faiss_fit", needs="faiss"),
            Side("itq, default", "contests_fit:embcomp_fit"),
            Side("iiq, default", "contests_fit:embcomp_fit", {"method": "iiq"}),
            Side(
                "faiss ITQTransform, its default rows", "contests_fit:faiss_fit", {"all_rows": False}, needs="faiss"
            ),
        ),
        (
            Bar("ITQ fit, all rows, 50 iterations", OURS_ALL, 0.5, FAISS_ALL, unit="of faiss"),
            Bar("ITQ fit, default", "itq, default", 0.1, FAISS_ALL, unit="of faiss on all rows"),
            Bar("IIQ fit, default", "iiq, default", 0.1, FAISS_ALL, unit="of faiss on all rows"),
            Bar("loss, all rows", OURS_ALL, 1 + LOSS_TOLERANCE, FAISS_ALL, "loss", unit="of faiss's"),
        ),
        same_loss,
        needs=("matrix",),
        note="faiss trains on the first max(10·d, 32,768) rows unless told otherwise; here both train on all rows. "
        "Loss is measured alike for both, on unit rows; 1 − 2/π is about what a random rotation loses.",
    ),
    Contest(
        "wide",
        "Fitting iiq to 1,536 dimensions, four cores",
        tuple(Side(f"{rows:,} rows", "contests_fit:wide_fit", {"rows": rows}, threads=4) for rows in (2_000, 50_000)),
        (
            Bar("fit, 2,000 rows", "2,000 rows", 5, unit="s"),
            Bar("fit, 50,000 rows", "50,000 rows", 60, unit="s"),
        ),
        repeats=3,
        note="Normal vectors whose standard deviations fall as 1 / √place.",
    ),
    Contest(
        "encode",
        "Encoding all rows to 100 bits",
        (
            Side("embcomp", "contests_fit:embcomp_encode"),
            Side("faiss sa_encode", "contests_fit:faiss_encode", needs="faiss"),
        ),
        (Bar("encode to 100 bits", "embcomp", 0.35, "faiss sa_encode", unit="of faiss"),),
        same_bits,
        needs=("matrix", "bits100"),
    ),
)
