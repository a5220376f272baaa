"""Sorted words in small pages, each compressed for itself: found, read and checked page by page."""

from embcomp.wordlist.wordlist import MAX_WORD_BYTES, WordList, WordListWriter

__all__ = ["MAX_WORD_BYTES", "WordList", "WordListWriter"]
