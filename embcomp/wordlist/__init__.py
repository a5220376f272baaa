"""Sorted words in small pages, each compressed for itself: found, read and checked page by page."""

from embcomp.wordlist.texts import Texts
from embcomp.wordlist.wordlist import MAX_WORD_BYTES, WordList
from embcomp.wordlist.writing import WordListWriter

__all__ = ["MAX_WORD_BYTES", "Texts", "WordList", "WordListWriter"]
