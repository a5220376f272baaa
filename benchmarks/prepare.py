"""The files that races read, made once from a text file and kept in ``build/bench`` under its SHA-256.

Each function runs in a child process, as sides do, and writes one file or folder; those of peers by the peers
themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

Files = dict[str, str]
WIDE_ROWS = 50_000
BITS = (100, 128, 256, 304, 384)

# name: (file, function, arguments, files it is made from)
RECIPES: dict[str, tuple[str, str, dict[str, Any], tuple[str, ...]]] = {
    "matrix": ("X.npy", "matrix", {}, ("source",)),
    "words": ("words.txt", "matrix", {}, ("source",)),
    "binary": ("w2v.bin", "binary", {}, ("matrix", "words")),
    "embc": ("glove.embc", "compressed", {"method": "iiq"}, ("source",)),
    **{
        f"bits{n}": (f"itq{n}.embc", "compressed", {"method": "itq", "bits": n, "iterations": 5}, ("source",))
        for n in BITS
    },
    "additive": ("additive.embc", "compressed", {"method": "additive"}, ("source",)),
    "transform": ("transform.embc", "compressed", {"method": "transform"}, ("source",)),
    **{f"dim{n}": (f"dim{n}.embc", "wide", {"dim": n}, ("words",)) for n in (300, 1000)},
    "keyed": ("glove.kv", "keyed", {}, ("binary",)),
    "fifu": ("glove.fifu", "fifu", {}, ("matrix", "words")),
    "navec": ("glove.navec.tar", "navec", {}, ("matrix", "words", "pq")),
    "pq": ("pq.npz", "pq", {}, ("matrix",)),
    "static": ("glove.static", "static", {}, ("matrix", "words")),
}


def matrix(files: Files, target: str) -> dict[str, Any]:
    import numpy as np

    from embcomp.formats import read_embedding

    embedding = read_embedding(files["source"])
    folder = Path(target).parent
    np.save(folder / "X.npy", embedding.vectors)
    (folder / "words.txt").write_text("\n".join(embedding.words), encoding="utf-8")
    return {}


def load(files: Files) -> tuple[list[str], Any]:
    """Words and matrix."""
    import numpy as np

    return Path(files["words"]).read_text(encoding="utf-8").split("\n"), np.load(files["matrix"])


def binary(files: Files, target: str) -> dict[str, Any]:
    words, vectors = load(files)
    with Path(target).open("wb") as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for word, vector in zip(words, vectors, strict=True):
            file.write(word.encode() + b" " + vector.tobytes() + b"\n")
    return {}


def compressed(files: Files, target: str, method: str, **config: Any) -> dict[str, Any]:
    from embcomp.compressors.registry import make_compressor
    from embcomp.container.writer import save
    from embcomp.formats import ReadOptions
    from embcomp.pipeline import encode_source

    save(encode_source(files["source"], make_compressor(method, **config), ReadOptions()), Path(target), force=True)
    return {}


def wide(files: Files, target: str, dim: int) -> dict[str, Any]:
    """The first words, with normal vectors of many dimensions."""
    import numpy as np

    import embcomp

    words = Path(files["words"]).read_text(encoding="utf-8").split("\n")[:WIDE_ROWS]
    vectors = np.random.default_rng(0).standard_normal((len(words), dim), dtype=np.float32)
    embcomp.compress(words, vectors, "itq", iterations=0, fit_rows=5000).save(target, force=True)
    return {}


def keyed(files: Files, target: str) -> dict[str, Any]:
    from gensim.models import KeyedVectors

    KeyedVectors.load_word2vec_format(files["binary"], binary=True).save(target)
    return {}


def fifu(files: Files, target: str) -> dict[str, Any]:
    import numpy as np
    from finalfusion import Embeddings
    from finalfusion.norms import Norms
    from finalfusion.storage import NdArray
    from finalfusion.vocab import SimpleVocab

    words, vectors = load(files)
    norms = np.linalg.norm(vectors, axis=1)
    Embeddings(NdArray(vectors / norms[:, None]), SimpleVocab(words), norms=Norms(norms)).write(target)
    return {}


def pq(files: Files, target: str) -> dict[str, Any]:
    """faiss's product quantizer of 20 × 8 bits, trained on the first rows: centroids (20, 256, 5), codes (n, 20)."""
    import faiss
    import numpy as np

    vectors = np.load(files["matrix"])
    quantizer = faiss.ProductQuantizer(vectors.shape[1], 20, 8)
    quantizer.cp.niter = 4
    quantizer.train(vectors[:20_000])
    centroids = faiss.vector_to_array(quantizer.centroids).reshape(20, 256, -1)
    np.savez(target, centroids=centroids, codes=quantizer.compute_codes(vectors))
    return {}


def navec(files: Files, target: str) -> dict[str, Any]:
    import numpy as np
    from navec import Navec
    from navec.meta import Meta
    from navec.pq import PQ
    from navec.vocab import Vocab

    parts = np.load(Path(target).parent / "pq.npz")
    words = [word.replace("\x85", "").replace("\u2028", "") or "<>" for word in load(files)[0]]
    codes = parts["codes"]
    quantizer = PQ(len(codes), 100, 20, 256, codes, parts["centroids"])
    Navec(Meta("bench"), Vocab(words, [1] * len(words)), quantizer).dump(target)
    return {}


def static(files: Files, target: str) -> dict[str, Any]:
    """A folder as staticvectors writes it, float32; its own converter of text wants a header and another package."""
    from staticvectors.storage import StorageFactory

    words, vectors = load(files)
    config = {"format": "text", "total": len(words), "dim": vectors.shape[1]}
    tokens = {word: row for row, word in enumerate(words)}
    StorageFactory.create(target, "safetensors", create=True).save(config, vectors, tokens=tokens)
    return {}
