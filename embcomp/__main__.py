"""``python -m embcomp``: the command line."""

from embcomp.cli import start

start()
