"""Evaluation of vectors: suites of tasks, their statistics, and reports."""
