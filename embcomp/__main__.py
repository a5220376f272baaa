"""``python -m embcomp``: the command line."""

from embcomp.cli.main import run

run()
