"""One side of a race, in a process of its own; started by :mod:`benchmarks.harness`."""

from benchmarks.harness import child_main

if __name__ == "__main__":
    child_main()
