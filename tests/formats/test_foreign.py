"""Files of other kinds are called by their names, with what to do."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from .helpers import read, refusal, rows

IN_PYTHON = "; load it in Python and give words and vectors to embcomp.compress"


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "king 1 2\n")
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, vectors=np.eye(2))
    return file.getvalue()


KINDS = {
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG picture", ""),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(40), "a JPEG picture", ""),
    "pdf": (b"%PDF-1.7\n1 0 obj\n", "a PDF document", ""),
    "sqlite": (b"SQLite format 3\x00" + bytes(40), "an SQLite database", IN_PYTHON),
    "finalfusion": (b"FiFu" + bytes(20), "a finalfusion file", "; convert it to word2vec with ffp-convert"),
    "zip": (
        zipped("glove.txt"),
        "a zip archive",
        "; unpack it and give the file that is in it: unzip -p FILE | embcomp compress -",
    ),
    "torch": (zipped("archive/data.pkl"), "a PyTorch file", IN_PYTHON),
    "npz": (
        npz(),
        "an .npz archive of NumPy",
        "; save the array of vectors as .npy, and the words in a list beside it",
    ),
    "tar": (
        b"glove.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(300),
        "a tar archive",
        "; unpack it and give the file that is in it",
    ),
    "html": (b"<!DOCTYPE html>\n<title>404</title>\n", "an HTML or XML page, perhaps that of a failed download", ""),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
        "a pointer of Git LFS and not the file itself",
        "; fetch that with git lfs pull",
    ),
    "utf-16": (
        "king 0.1 0.2\nqueen 0.3 0.4\n".encode("utf-16"),
        "text in UTF-16",
        "; turn it into UTF-8: iconv -f UTF-16 -t UTF-8",
    ),
    "utf-16-be": (
        "king 0.1 0.2\nqueen 0.3 0.4\n".encode("utf-16-be"),
        "text in UTF-16",
        "; turn it into UTF-8: iconv -f UTF-16 -t UTF-8",
    ),
    "csv": (
        b"word,d1,d2\nking,0.1,0.2\nqueen,0.3,-4e-2\n",
        "comma-separated values",
        "; write spaces, without a line of names: tail -n +2 FILE | tr , ' '",
    ),
    "decimal commas": (
        b"king 0,1 0,25\nqueen 0,3 -0,5\n",
        "text with decimal commas",
        "; write points: tr , .",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind(tmp_path: Path, kind: str) -> None:
    data, what, advice = KINDS[kind]
    assert refusal(tmp_path / "v", data) == f"v: is {what}, expected words and vectors{advice}"


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("header", [b"2 2\n", b""])
def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path: Path, mark: bytes, header: bytes) -> None:
    embedding = read(tmp_path / "v", mark + header + b"a 1 2\nb 3 4\n")
    assert rows(embedding) == {"a": [1.0, 2.0], "b": [3.0, 4.0]}
