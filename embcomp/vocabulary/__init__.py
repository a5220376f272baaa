"""Words <-> ranks, both ways, without building a dictionary."""

from embcomp.vocabulary.part import Part
from embcomp.vocabulary.vocabulary import HEAD_WORDS, Vocabulary

__all__ = ["HEAD_WORDS", "Part", "Vocabulary"]
