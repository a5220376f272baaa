"""Compressors: one algorithm per file."""
