"""How good vectors are: suites of tasks, their statistics, and reports on them."""
