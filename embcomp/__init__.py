"""Compress pretrained word embeddings into one small file that is usable as it is."""

__version__ = "0.1.0"
