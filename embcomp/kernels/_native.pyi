"""Kernels in C. Buffers are C-contiguous and aligned; each kernel checks that they have the sizes given to it."""

from embcomp.arrays import AnyArray

REVISION: int
QUICK_PRODUCTS: int

def ascending(letters: AnyArray, ends: AnyArray, order: AnyArray, /) -> None: ...
def beam(
    own: AnyArray,
    tables: AnyArray,
    codes: AnyArray,
    costs: AnyArray,
    best_codes: AnyArray,
    best_costs: AnyArray,
    sizes: tuple[int, int, int, int, int, int, int, int],
    /,
) -> None: ...
def best(
    codes: AnyArray,
    tables: AnyArray,
    numbers: AnyArray,
    gains: AnyArray,
    shifts: AnyArray,
    rounded: AnyArray,
    scores: AnyArray,
    ranks: AnyArray,
    sizes: tuple[int, int, int, int, int, int, int],
    gain: float,
    /,
) -> None: ...
def cross(
    rows: AnyArray, weighted: AnyArray, rotation: AnyArray, sums: AnyArray, sizes: tuple[int, int, int], /
) -> None: ...
def fields(
    stream: AnyArray,
    rows: AnyArray,
    places: AnyArray,
    numbers: AnyArray,
    words: AnyArray,
    centre: AnyArray,
    out: AnyArray,
    sizes: tuple[int, int, int, int, int, int],
    /,
) -> None: ...
def hamming(
    rows: AnyArray, queries: AnyArray, scores: AnyArray, ranks: AnyArray, sizes: tuple[int, int, int, int], /
) -> None: ...
def literals(run: bytes, out: AnyArray, sizes: tuple[int, int], /) -> int: ...
def many_signs(
    stream: AnyArray, rows: AnyArray, matrix: AnyArray, out: AnyArray, sizes: tuple[int, int, int, int], /
) -> bool: ...
def page_find(
    letters: bytes, ends: AnyArray, words: list[bytes], chosen: AnyArray, start: int, out: AnyArray, /
) -> None: ...
def page_words(
    first: bytes,
    kept: AnyArray,
    bounds: AnyArray,
    text: bytes,
    letters: AnyArray,
    ends: AnyArray,
    sizes: tuple[int, int],
    /,
) -> bool: ...
def places(firsts: list[bytes], words: list[bytes], out: AnyArray, /) -> None: ...
def search(
    own: AnyArray, tables: AnyArray, codes: AnyArray, sizes: tuple[int, int, int, int, int, int], /
) -> None: ...
def shared_prefixes(
    letters: AnyArray, firsts: AnyArray, seconds: AnyArray, limits: AnyArray, shared: AnyArray, /
) -> None: ...
def signs(
    stream: AnyArray, rows: AnyArray, tables: AnyArray, out: AnyArray, sizes: tuple[int, int, int, int], /
) -> None: ...
def take(stream: AnyArray, rows: AnyArray, out: AnyArray, sizes: tuple[int, int], /) -> None: ...
def text_lines(text: bytes, /) -> int: ...
def text_rows(
    text: bytes, words: AnyArray, vectors: AnyArray, done: AnyArray, sizes: tuple[int, int, int], /
) -> int: ...
def totals(rows: AnyArray, codes: AnyArray, sums: AnyArray, sizes: tuple[int, int, int], /) -> None: ...
def turned(
    rows: AnyArray, matrix: AnyArray, start: AnyArray, out: AnyArray, sizes: tuple[int, int, int], /
) -> None: ...
def words(
    rows: AnyArray,
    words: AnyArray,
    norms: AnyArray,
    costs: AnyArray,
    codes: AnyArray,
    sizes: tuple[int, int, int, int],
    /,
) -> None: ...
