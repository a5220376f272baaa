"""Several methods on one source: run, cached, tabulated and drawn."""
