"""A plugin that does not work: what it needs is not there."""

raise ImportError("embcomp_demo needs a package that is not installed")
