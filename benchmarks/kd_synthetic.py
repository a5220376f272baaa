"""The synthetic experiment of the KD-code paper, Fig. 3: how the temperature schedule matters.

    python benchmarks/kd_synthetic.py      writes docs/kd-synthetic.svg, benchmarks/results/kd_synthetic.jsonl

10,000 points of 100 well separated clusters in 10 dimensions are coded with K = 100, D = 1, which is k-means by
gradients. Squared loss of the discrete codes and normalized mutual information (NMI) of codes and clusters, by epoch:

    STE, scheduled      one-hot forward, softmax with falling temperature backward (Algorithm 1)
    STE, constant       the same at T = 1
    continuous          softmax forward and backward, with falling temperature
    alternate           what ``--solver alternate`` gives: k-means
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

from embcomp.compressors.additive import fit_additive, squared_error
from embcomp.compressors.composition import LinearComposition
from embcomp.compressors.kd_training import Training, train_straight_through

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "kd_synthetic.jsonl"
FIGURE = ROOT / "docs" / "kd-synthetic.svg"

N_POINTS, N_CLUSTERS, DIM, WAYS = 10_000, 100, 10, 100
SCHEDULES = {
    "STE, scheduled": (0.1, True),
    "STE, constant": (0.0, True),
    "continuous": (0.1, False),
}

Series = dict[str, list[float]]


def points(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters with centres N(0, 1) and spread 0.1 a dimension: float32 (n, 10), and each point's cluster."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((N_CLUSTERS, DIM))
    clusters = rng.integers(0, N_CLUSTERS, N_POINTS)
    return (centres[clusters] + 0.1 * rng.standard_normal((N_POINTS, DIM))).astype(np.float32), clusters


def normalized_mutual_information(one: np.ndarray, other: np.ndarray) -> float:
    """I(A; B) / √(H(A) H(B)), in [0, 1]."""
    counts = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(counts, (one, other), 1)
    joint = counts / counts.sum()
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    entropies = [-(p[p > 0] * np.log(p[p > 0])).sum() for p in (rows, columns)]
    both = joint > 0
    mutual = (joint[both] * np.log(joint[both] / np.outer(rows, columns)[both])).sum()
    return float(mutual / math.sqrt(entropies[0] * entropies[1])) if min(entropies) > 0 else 0.0


def follow(x: np.ndarray, clusters: np.ndarray, decay: float, discrete: bool, epochs: int, seed: int) -> Series:
    """Train, and measure the discrete codes after each epoch."""
    rng = np.random.default_rng(seed)
    codebooks = rng.standard_normal((1, WAYS, DIM)).astype(np.float32)
    series: Series = {"loss": [], "nmi": []}

    def measure(codebooks: np.ndarray, codes: np.ndarray) -> None:
        series["loss"].append(squared_error(x, codebooks, codes) / len(x))
        series["nmi"].append(normalized_mutual_information(codes[:, 0].astype(np.intp), clusters))

    train_straight_through(
        x,
        codebooks,
        LinearComposition(None),
        Training(epochs, batch_size=100, learning_rate=0.02, temperature=1.0, decay=decay),
        rng,
        discrete=discrete,
        after_epoch=measure,
    )
    return series


def panel(title: str, curves: dict[str, list[float]], left: float, top: float, *, logarithmic: bool) -> list[str]:
    """One plot as SVG elements: axes with the range, a line per curve, names below with the last value."""
    width, height = 300.0, 200.0
    heights = {name: [math.log10(y) if logarithmic else y for y in curve] for name, curve in curves.items()}
    flat = [y for curve in heights.values() for y in curve]
    low, high = min(flat), max(flat)
    n_epochs = max(map(len, curves.values()))
    colours = ("#0072b2", "#d55e00", "#009e73", "#666666")
    ends = [f"{10**end if logarithmic else end:.2g}" for end in (high, low)]
    out = [
        f'<text x="{left}" y="{top - 10}" font-weight="bold">{title}</text>',
        f'<path d="M{left},{top} v{height} h{width}" fill="none" stroke="#333"/>',
        f'<text x="{left - 6}" y="{top + 8}" text-anchor="end">{ends[0]}</text>',
        f'<text x="{left - 6}" y="{top + height}" text-anchor="end">{ends[1]}</text>',
        f'<text x="{left + width}" y="{top + height + 16}" text-anchor="end">epoch {n_epochs}</text>',
    ]
    for number, (name, curve) in enumerate(heights.items()):
        step = width / max(1, len(curve) - 1)
        path = " ".join(
            f"{left + step * i:.1f},{top + height * (high - y) / (high - low):.1f}" for i, y in enumerate(curve)
        )
        out.append(f'<polyline points="{path}" fill="none" stroke="{colours[number]}" stroke-width="1.8"/>')
        out.append(
            f'<text x="{left + 10}" y="{top + height + 36 + 16 * number}" fill="{colours[number]}">'
            f"{name}: {curves[name][-1]:.3g}</text>"
        )
    return out


def figure(results: dict[str, Series]) -> str:
    """Both panels."""
    losses = {name: series["loss"] for name, series in results.items()}
    scores = {name: series["nmi"] for name, series in results.items()}
    loss = panel("squared loss, logarithmic", losses, 60, 40, logarithmic=True)
    nmi = panel("NMI of codes and clusters", scores, 450, 40, logarithmic=False)
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="350" viewBox="0 0 800 350"'
            ' font-family="sans-serif" font-size="12">',
            '<rect width="800" height="350" fill="white"/>',
            *loss,
            *nmi,
            "</svg>\n",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    x, clusters = points(arguments.seed)
    results = {
        name: follow(x, clusters, decay, discrete, arguments.epochs, arguments.seed)
        for name, (decay, discrete) in SCHEDULES.items()
    }
    codebooks, codes, _ = fit_additive(x, 1, WAYS, 1, 10, np.random.default_rng(arguments.seed))
    results["alternate"] = {
        "loss": [squared_error(x, codebooks, codes) / len(x)] * arguments.epochs,
        "nmi": [normalized_mutual_information(codes[:, 0].astype(np.intp), clusters)] * arguments.epochs,
    }
    FIGURE.write_text(figure(results), encoding="utf-8")
    RECORDS.parent.mkdir(exist_ok=True)
    with RECORDS.open("a", encoding="utf-8") as out:
        for name, series in results.items():
            last = {key: round(values[-1], 5) for key, values in series.items()}
            facts = {"what": name, "epochs": arguments.epochs, "seed": arguments.seed, **last}
            print(json.dumps(facts), file=out)
            print(json.dumps(facts))


if __name__ == "__main__":
    main()
