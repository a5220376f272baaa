"""How time and memory grow with rows, and compressing more than fits in memory."""

from __future__ import annotations

from typing import Any

from benchmarks.contests_text import same_rows, same_words
from benchmarks.harness import Bar, Contest, Side, timed

Files = dict[str, str]
ROWS = (10_000, 30_000, 100_000, 341_479)
SYNTHETIC = {"synthetic": (1_000_000, 300, 3), "large": (2_000_000, 300, 5)}  # rows, dimensions, decimals


def write_synthetic(files: Files, target: str, rows: int, dim: int, decimals: int) -> dict[str, Any]:
    """Normal vectors with GloVe's singular values, stretched over ``dim`` directions, as text."""
    from pathlib import Path

    import numpy as np

    real = np.load(files["matrix"])[:50_000]
    values = np.linalg.svd(real - real.mean(axis=0), compute_uv=False) / len(real) ** 0.5
    scale = np.interp(np.linspace(0, 1, dim), np.linspace(0, 1, len(values)), values)
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    transform = (scale[:, None] * axes).astype(np.float32)
    unit = 10**decimals
    most = 10 * unit - 1
    digits = np.array([f" {value / unit:.{decimals}f}" for value in range(-most, most + 1)], dtype=object)
    part = Path(target).with_suffix(".part")
    with part.open("w", encoding="ascii") as file:
        for start in range(0, rows, 10_000):
            block = rng.standard_normal((min(10_000, rows - start), dim), dtype=np.float32) @ transform
            texts = digits[np.clip(np.rint(block * unit), -most, most).astype(int) + most]
            file.writelines(f"w{start + i}{''.join(row)}\n" for i, row in enumerate(texts))
    part.replace(target)
    return {}


def read_blocks(files: Files, name: str) -> dict[str, Any]:
    """Read a source that is in the page cache, and hold nothing but its words."""
    from pathlib import Path

    from embcomp.formats import open_blocks

    with Path(files[name]).open("rb") as file:
        while file.read(1 << 24):
            pass
    with timed() as clock, open_blocks(files[name]) as reader:
        rows = sum(len(words) for words, _ in reader)
    speed = Path(files[name]).stat().st_size / 1e6 / clock.seconds
    return {"seconds": clock.seconds, "mb_per_second": speed, "answer": {"rows": rows}}


CONTESTS = (
    Contest(
        "scaling",
        "Compressing the first rows of the file",
        tuple(
            Side(f"{name}@{rows}", "contests_text:compress", {"rows": rows} | config)
            for name, config in (("iiq", {}), ("iiq, all rows", {"fit_rows": "all"}))
            for rows in ROWS
        ),
        exponents=("iiq", "iiq, all rows"),
    ),
    Contest(
        "bounded",
        "1,000,000 × 300 from text, fitted on all rows and with --max-memory 200MB on the head",
        tuple(
            Side(
                name,
                "contests_text:compress",
                {"name": "synthetic", "iterations": 10, "tolerance": 0.0} | config,
            )
            for name, config in (
                ("all rows", {"fit_rows": "all", "max_memory": 2**62}),
                ("--max-memory 200MB", {"max_memory": 200_000_000}),
            )
        ),
        (
            Bar("peak memory, `--max-memory 200MB`", "--max-memory 200MB", 350, quantity="peak_mb", unit="MB"),
            Bar("time, beside the run on all rows", "--max-memory 200MB", 1.0, "all rows", unit="of it"),
        ),
        same_words,
        needs=("synthetic",),
        note="`iiq` learns from the first 50,000 rows and holds no more than those; with "
        "`--fit-rows all` it holds the matrix. 10 rounds on both sides. Beside the matrix, a million words take "
        "about 100 MB while they are read: strings, and the table that finds repeats.",
    ),
    Contest(
        "large",
        "2,000,000 × 300 from text of 5 GB, in the page cache",
        (
            Side("read", "contests_scale:read_blocks", {"name": "large"}, threads=4),
            Side("compress iiq", "contests_text:compress", {"name": "large"}, threads=4),
        ),
        (
            Bar("reading", "read", 500, quantity="mb_per_second", unit="MB/s", at_least=True),
            Bar("`compress --method iiq`", "compress iiq", 500, quantity="mb_per_second", unit="MB/s", at_least=True),
            Bar("peak memory of reading", "read", 500, quantity="peak_mb", unit="MB"),
            Bar("peak memory of compress", "compress iiq", 500, quantity="peak_mb", unit="MB"),
        ),
        same_rows,
        needs=("large",),
    ),
)
