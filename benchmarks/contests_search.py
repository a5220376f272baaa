"""Opening, looking up, searching and decoding, on one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.harness import Bar, Contest, DisagreementError, Side, agree, per_call, timed

Files = dict[str, str]
WORD = "queen"
K = 10
N_QUERIES = 20
N_WORDS = 10_000
WITH_NUMPY = "embcomp, no extension"
OURS = {"embcomp": "embc", "embcomp, additive": "additive", "embcomp, 300": "dim300", "embcomp, 1,000": "dim1000"}
N_TOGETHER = 1000
BLOCK_ROWS = 8192


def resident_mb() -> float:
    """Memory of this process that is in core now."""
    from pathlib import Path

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def open_embcomp(files: Files) -> dict[str, Any]:
    import numpy as np

    import embcomp
    import embcomp.compressors.iiq  # modules before the clock starts, as the peers'
    import embcomp.container.reader
    import embcomp.keyed

    with timed() as clock:
        vector = embcomp.open(files["embc"])[WORD]
    return {"seconds": clock.seconds, "answer": bool(np.isfinite(vector).all() and vector.any())}


def open_gensim(files: Files) -> dict[str, Any]:
    from gensim.models import KeyedVectors

    with timed() as clock:
        vector = KeyedVectors.load(files["keyed"], mmap="r")[WORD]
    return {"seconds": clock.seconds, "answer": bool(vector.any())}


def open_finalfusion(files: Files) -> dict[str, Any]:
    from finalfusion import load_finalfusion

    with timed() as clock:
        vector = load_finalfusion(files["fifu"], mmap=True)[WORD]
    return {"seconds": clock.seconds, "answer": bool(vector.any())}


def open_navec(files: Files) -> dict[str, Any]:
    from navec import Navec

    with timed() as clock:
        vector = Navec.load(files["navec"])[WORD]
    return {"seconds": clock.seconds, "answer": bool(vector.any())}


def open_staticvectors(files: Files) -> dict[str, Any]:
    from staticvectors import StaticVectors

    with timed() as clock:
        vector = StaticVectors(files["static"]).embeddings(WORD)
    return {"seconds": clock.seconds, "answer": bool(vector.any())}


def all_found(answers: dict[str, Any]) -> str:
    if not all(answers.values()):
        raise DisagreementError(f"no vector for {WORD!r}: {answers}")
    return f"each gives a vector of numbers for {WORD!r}"


def memory(files: Files, who: str) -> dict[str, Any]:
    """What opening and 1,000 lookups add to a process that has imported numpy."""
    import numpy as np

    _ = np.zeros(1)
    words = _words(files, 1000)
    before = resident_mb()
    if who == "gensim":
        from gensim.models import KeyedVectors

        vectors = KeyedVectors.load(files["keyed"], mmap="r")
    else:
        import embcomp

        vectors = embcomp.open(files["embc"])
    found = [vectors[word].shape for word in words]
    return {"added_mb": resident_mb() - before, "answer": [len(found), found[0]]}


def _words(files: Files, count: int) -> list[str]:
    """Words from all over the file."""
    from pathlib import Path

    words = Path(files["words"]).read_text(encoding="utf-8").split("\n")
    return words[:: max(1, len(words) // count)][:count]


def lookup(files: Files, who: str) -> dict[str, Any]:
    """Microseconds for one word, and per word in a batch."""
    import embcomp

    words = _words(files, N_WORDS)
    some = words[:: max(1, len(words) // 1000)]
    if who == "staticvectors":
        from staticvectors import StaticVectors

        model = StaticVectors(files["static"])
        return _per_word(lambda: [model.embeddings(word) for word in some], lambda: model.embeddings(words))
    if who == "gensim":
        from gensim.models import KeyedVectors

        vectors: Any = KeyedVectors.load(files["keyed"], mmap="r")
    elif who == "navec":
        from navec import Navec

        vectors = Navec.load(files["navec"])
    elif who == "finalfusion":
        from finalfusion import load_finalfusion

        vectors = load_finalfusion(files["fifu"], mmap=True)
    else:
        vectors = embcomp.open(files[OURS[who]])
        words = [word for word in words if word in vectors]
        some = [word for word in some if word in vectors]
    takes_lists = who in OURS or who == "gensim"
    return _per_word(lambda: [vectors[word] for word in some], (lambda: vectors[words]) if takes_lists else None)


def _per_word(one_by_one: Callable[[], Any], batch: Callable[[], Any] | None) -> dict[str, Any]:
    vectors = one_by_one()
    one = per_call(one_by_one) / len(vectors)
    result: dict[str, Any] = {"seconds": one, "one_us": 1e6 * one, "answer": [len(vectors), vectors[0].shape]}
    if batch is not None:
        result["batch_us"] = 1e6 * per_call(batch) / len(batch())
    return result


def _searcher(files: Files, bits: int, who: str) -> tuple[Any, Any, Any, Any]:
    """Index, codes in source order, codes of the queries, and the queries' vectors."""
    import numpy as np

    from embcomp import kernels
    from embcomp.container.reader import open_container
    from embcomp.search import SearchIndex

    if who == WITH_NUMPY:
        kernels.native = None
    elif who == "embcomp" and kernels.native is None:
        raise RuntimeError("the extension is not built")
    encoded = open_container(files[f"bits{bits}"])
    codes = encoded.codes.all_of_one_width
    chosen = np.random.default_rng(0).permutation(len(codes))[:N_QUERIES]
    return SearchIndex(encoded), codes, codes[chosen], encoded.decode_rows(chosen)


def hamming(files: Files, who: str, bits: int) -> dict[str, Any]:
    """Seconds per query, one at a time; the structures are built before."""
    import numpy as np

    index, codes, asked, _ = _searcher(files, bits, who)
    if who == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)
        flat = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        flat.add(np.ascontiguousarray(codes))
        found = [flat.search(code[None, :], K) for code in asked]
        answer = [[d[0].tolist(), i[0].tolist()] for d, i in found]
        one = [lambda code=code: flat.search(code[None, :], K) for code in asked]
    elif who == "usearch":
        from usearch.index import MetricKind, search

        found = [search(codes, code[None, :], K, MetricKind.Hamming, exact=True, threads=1) for code in asked]
        answer = [[np.ravel(f.distances).astype(int).tolist(), None] for f in found]
        one = [
            lambda code=code: search(codes, code[None, :], K, MetricKind.Hamming, exact=True, threads=1)
            for code in asked
        ]
    elif who == "numkong":
        import numkong

        packed = numkong.hammings_pack(codes, dtype="uint1")
        one = [lambda code=code: numkong.hammings_packed(code[None, :], packed) for code in asked]
        answer = None
    else:
        from embcomp.threads import set_threads

        set_threads(1)
        found = [index.search_codes(code[None, :], K) for code in asked]
        answer = [[np.rint((1 - f.scores[0]) * bits / 2).astype(int).tolist(), f.ranks[0].tolist()] for f in found]
        one = [lambda code=code: index.search_codes(code[None, :], K) for code in asked]
    seconds = per_call(lambda: [call() for call in one]) / len(one)
    return {"seconds": seconds, "ms": 1e3 * seconds} | ({"answer": answer} if answer else {})


def asymmetric(files: Files, who: str, bits: int = 256) -> dict[str, Any]:
    """Seconds per query of floats against codes."""
    import numpy as np

    index, codes, _, queries = _searcher(files, bits, who)
    rng = np.random.default_rng(1)
    queries = (queries + rng.normal(0, queries.std(), queries.shape)).astype(np.float32)
    directions = np.asarray(index._encoded.compressor.bit_directions, dtype=np.float64)
    weights = queries.astype(np.float64) @ directions.T
    scale = np.linalg.norm(weights, axis=1) * bits**0.5
    if who in ("embcomp", WITH_NUMPY):
        from embcomp.threads import set_threads

        set_threads(1)
        found = [index.search(query[None, :], K, similarity="asymmetric") for query in queries]
        answer = [one.scores[0].tolist() for one in found]
        one = [lambda query=query: index.search(query[None, :], K, similarity="asymmetric") for query in queries]
    else:
        import faiss

        faiss.omp_set_num_threads(1)
        wide = weights.astype(np.float32)
        flat = _sign_index(codes, bits) if who == "faiss PQ" else _float_index(codes, bits)
        found = [flat.search(query[None, :], K) for query in wide]
        answer = [(found[i][0][0] / scale[i]).astype(float).round(4).tolist() for i in range(len(found))]
        one = [lambda query=query: flat.search(query[None, :], K) for query in wide]
    seconds = per_call(lambda: [call() for call in one]) / len(one)
    return {"seconds": seconds, "ms": 1e3 * seconds, "answer": answer}


def together(files: Files, who: str, bits: int = 128) -> dict[str, Any]:
    """Seconds for many queries at once, on all cores."""
    import numpy as np

    index, codes, _, _ = _searcher(files, bits, who)
    asked = np.ascontiguousarray(codes[:: len(codes) // N_TOGETHER][:N_TOGETHER])
    if who == "faiss":
        import faiss

        flat = faiss.IndexBinaryFlat(codes.shape[1] * 8)
        flat.add(np.ascontiguousarray(codes))
        found = flat.search(asked, K)[1]
        work = lambda: flat.search(asked, K)  # noqa: E731
    else:
        found = index.search_codes(asked, K).ranks
        work = lambda: index.search_codes(asked, K)  # noqa: E731
    return {"seconds": per_call(work, 1.0), "answer": found.tolist()}


def graded(files: Files, method: str) -> dict[str, Any]:
    """Milliseconds for a query of floats, one at a time."""
    import numpy as np

    import embcomp

    vectors = embcomp.open(files[method])
    rng = np.random.default_rng(0)
    queries = vectors.encoded.decode_rows(rng.permutation(len(vectors))[:N_QUERIES])
    queries += rng.normal(0, queries.std(), queries.shape).astype(np.float32)
    seconds = per_call(lambda: [vectors.index.search(query[None, :], K) for query in queries], 1.0) / N_QUERIES
    return {"seconds": seconds, "ms": 1e3 * seconds, "answer": len(queries)}


def _sign_index(codes: Any, bits: int) -> Any:
    """A product quantizer whose centroids are all patterns of eight signs: exact sums over bytes of code."""
    import faiss
    import numpy as np

    index = faiss.IndexPQ(bits, bits // 8, 8, faiss.METRIC_INNER_PRODUCT)
    patterns = 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) - 1
    faiss.copy_array_to_vector(np.tile(patterns.ravel(), bits // 8).astype(np.float32), index.pq.centroids)
    index.is_trained = True
    index.add_sa_codes(np.ascontiguousarray(codes))
    return index


def _float_index(codes: Any, bits: int) -> Any:
    import faiss
    import numpy as np

    index = faiss.IndexFlatIP(bits)
    index.add(2 * np.unpackbits(codes, axis=1)[:, :bits].astype(np.float32) - 1)
    return index


def decode(files: Files, who: str) -> dict[str, Any]:
    """Rows decoded, in millions a second."""
    import numpy as np

    if who == "embcomp":
        from embcomp.container.reader import open_container

        encoded = open_container(files["bits100"])
        work, rows = encoded.decode_all, len(encoded)
        some = np.arange(min(BLOCK_ROWS, rows))
        in_blocks = len(some) / per_call(lambda: encoded.decode_rows(some), 1.0) / 1e6
    else:
        parts = np.load(files["pq"])
        codes, centroids = parts["codes"], parts["centroids"]
        rows = len(codes)
        if who == "faiss":
            import faiss

            quantizer = faiss.ProductQuantizer(100, 20, 8)
            faiss.copy_array_to_vector(centroids.ravel(), quantizer.centroids)
            work = lambda: quantizer.decode(codes)  # noqa: E731
        else:
            from navec.pq import PQ

            work = PQ(rows, 100, 20, 256, codes, centroids).unpack
    decoded = work()
    answer = {"shape": list(decoded.shape)}
    if who != "embcomp":
        answer["first"] = decoded[:1000].astype(float).round(5).tolist()
    del decoded  # its memory is used again
    seconds = per_call(work, 1.0)
    result = {"seconds": seconds, "million_a_second": rows / seconds / 1e6, "answer": answer}
    return result | ({"in_blocks": in_blocks} if who == "embcomp" else {})


def same_vectors(answers: dict[str, Any]) -> str:
    """All give as many numbers; those who decode the same codes give the same ones."""
    shapes = agree({name: answer["shape"] for name, answer in answers.items()}, "shape")
    return f"{shapes}; {agree({name: a['first'] for name, a in answers.items() if 'first' in a}, 'numbers')}"


def same_number(answers: dict[str, Any]) -> str:
    return agree(answers, "number of vectors and of dimensions")


def same_distances(answers: dict[str, Any]) -> str:
    ours = answers["embcomp"]
    for name, answer in answers.items():
        if [row[0] for row in answer] != [row[0] for row in ours]:
            raise DisagreementError(f"{name}: other distances")
        if name == "faiss" and answer != ours:
            raise DisagreementError("faiss: other rows")
    return f"distances of the {K} nearest equal in {', '.join(answers)}; rows too with faiss, ties by rank"


def same_scores(answers: dict[str, Any]) -> str:
    ours = answers["embcomp"]
    for name, answer in answers.items():
        if name == WITH_NUMPY and answer != ours:
            raise DisagreementError(f"{name}: other scores")
        pairs = ((a, b) for x, y in zip(answer, ours, strict=True) for a, b in zip(x, y, strict=True))
        if max(abs(a - b) for a, b in pairs) > 2e-4:
            raise DisagreementError(f"{name}: other scores")
    names = ", ".join(answers)
    return f"scores of the {K} nearest equal to 0.0002 in {names}; with and without the extension to the last digit"


def _hamming_contest(bits: int, limit: float) -> Contest:
    sides = [
        Side(
            who,
            "contests_search:hamming",
            {"who": who, "bits": bits},
            threads=1,
            needs={"embcomp": "", WITH_NUMPY: ""}.get(who, who),
        )
        for who in ("embcomp", WITH_NUMPY, "faiss", "usearch", "numkong")
    ]
    bars = (
        Bar(f"Hamming top-{K}, {bits} bits", "embcomp", 1.0, "faiss", unit="of faiss"),
        Bar(f"Hamming top-{K}, {bits} bits, no extension", WITH_NUMPY, limit, "faiss", unit="of faiss"),
    )
    note = "numkong gives distances to all rows, not the nearest."
    return Contest(
        f"hamming-{bits}",
        f"Nearest {K} by Hamming distance, {bits} bits",
        tuple(sides),
        bars,
        same_distances,
        (f"bits{bits}",),
        note=note,
    )


CONTESTS = (
    Contest(
        "open",
        "Opening a file and getting the first vector, imports left out",
        (
            Side("embcomp", "contests_search:open_embcomp", threads=1),
            Side("gensim, mapped", "contests_search:open_gensim", threads=1, needs="gensim"),
            Side("finalfusion, mapped", "contests_search:open_finalfusion", threads=1, needs="finalfusion"),
            Side("navec", "contests_search:open_navec", threads=1, needs="navec"),
            Side("staticvectors", "contests_search:open_staticvectors", threads=1, needs="staticvectors"),
        ),
        (
            Bar("open and first vector", "embcomp", 1.0, unit="ms", factor=1e3),
            Bar("open and first vector, earlier target", "embcomp", 2.0, unit="ms", factor=1e3),
        ),
        all_found,
        ("embc", "keyed", "fifu", "navec", "static"),
    ),
    Contest(
        "memory",
        "Memory that opening and 1,000 lookups add to a process with numpy",
        tuple(
            Side(who, "contests_search:memory", {"who": who}, threads=1, needs="" if who == "embcomp" else who)
            for who in ("embcomp", "gensim")
        ),
        (Bar("memory after open and 1,000 lookups", "embcomp", 25, quantity="added_mb", unit="MB"),),
        same_number,
        needs=("embc", "keyed", "words"),
        note="Resident memory, so gensim's mapped matrix counts only where it was touched; modules imported by each "
        "side after numpy are included.",
    ),
    Contest(
        "lookup",
        "Vectors by word",
        tuple(
            Side(who, "contests_search:lookup", {"who": who}, threads=1, needs="" if who in OURS else who)
            for who in (*OURS, "gensim", "finalfusion", "navec", "staticvectors")
        ),
        tuple(
            bar
            for who, one, batch in (
                ("embcomp", 5, 0.5),
                ("embcomp, additive", 5, 0.5),
                ("embcomp, 300", 10, 1.5),
                ("embcomp, 1,000", 25, 5),
            )
            for bar in (
                Bar(f"one vector by word: {who}", who, one, quantity="one_us", unit="µs"),
                Bar(f"a word in batches: {who}", who, batch, quantity="batch_us", unit="µs"),
            )
        ),
        needs=(*OURS.values(), "keyed", "fifu", "navec", "static", "words"),
        note=f"Batches have up to {N_WORDS:,} words. 300 and 1,000: the first words, random vectors.",
    ),
    Contest(
        "together",
        f"{N_TOGETHER:,} queries at once, nearest {K} by Hamming distance, 128 bits, four cores",
        tuple(
            Side(who, "contests_search:together", {"who": who}, threads=4, needs=needs)
            for who, needs in (("embcomp", ""), ("faiss", "faiss"))
        ),
        (Bar("many queries at once", "embcomp", 1.0, "faiss", unit="of faiss"),),
        same_number,
        ("bits128",),
    ),
    Contest(
        "graded",
        f"Nearest {K}, a query of floats against graded codes",
        tuple(
            Side(method, "contests_search:graded", {"method": method}, threads=1)
            for method in ("transform", "additive")
        ),
        tuple(Bar(f"a query, {method}", method, 2, quantity="ms", unit="ms") for method in ("transform", "additive")),
        needs=("transform", "additive"),
    ),
    _hamming_contest(128, 1.5),
    _hamming_contest(304, 1.0),
    _hamming_contest(384, 1.0),
    Contest(
        "asymmetric",
        f"Nearest {K}, a query of floats against 256 bits, exact",
        tuple(
            Side(
                who,
                "contests_search:asymmetric",
                {"who": who},
                threads=1,
                needs="" if who.startswith("embcomp") else "faiss",
            )
            for who in ("embcomp", WITH_NUMPY, "faiss PQ", "faiss FlatIP")
        ),
        (
            Bar(f"asymmetric top-{K}, 256 bits, exact", "embcomp", 0.15, "faiss PQ", unit="of faiss PQ"),
            Bar(f"asymmetric top-{K}, 256 bits, no extension", WITH_NUMPY, 1.0, "faiss PQ", unit="of faiss PQ"),
        ),
        same_scores,
        ("bits256",),
        note="faiss PQ: centroids that are all patterns of eight signs, which makes its tables exact for bits.",
    ),
    Contest(
        "decode",
        "Decoding all rows to float32",
        tuple(
            Side(who, "contests_search:decode", {"who": who}, threads=1, needs="" if who == "embcomp" else who)
            for who in ("embcomp", "faiss", "navec")
        ),
        (
            Bar(
                "decode all rows, 100 bits to 100 numbers",
                "embcomp",
                20,
                quantity="million_a_second",
                unit="M vectors/s",
                at_least=True,
            ),
            Bar(
                f"the same, {BLOCK_ROWS:,} rows again and again",
                "embcomp",
                20,
                quantity="in_blocks",
                unit="M vectors/s",
                at_least=True,
            ),
        ),
        check=same_vectors,
        needs=("bits100", "pq"),
        note="faiss and navec decode 20 × 8 bits by tables, which is less arithmetic than a rotation.",
    ),
)
