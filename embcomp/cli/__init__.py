"""The command line."""

from __future__ import annotations

import os
import signal
from typing import Any, NoReturn

EXIT_INTERRUPTED = 130


def start() -> NoReturn:
    """Import the command line and run it; an interrupt while it is imported ends it without a traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # it is ignored in what a shell started in the background
        signal.signal(signal.SIGINT, leave)
    from embcomp.cli.main import run

    signal.signal(signal.SIGINT, handler)
    run()


def leave(number: int, frame: Any) -> NoReturn:
    """Leave at once on SIGINT."""
    os._exit(EXIT_INTERRUPTED)
