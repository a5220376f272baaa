"""One call of the system fails at a time; `make inject` tries every one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.inject import inject, is_possible

STEP = 9


@pytest.mark.skipif(not is_possible(), reason="needs Linux with glibc, and a C compiler")
def test_a_call_that_fails_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    assert inject(tmp_path, STEP)["link: done"] > 0
