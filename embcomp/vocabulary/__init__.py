"""Words <-> ranks, both ways, without building a dictionary."""

from embcomp.vocabulary.building import VocabularyBuilder
from embcomp.vocabulary.part import Part, order_bits
from embcomp.vocabulary.vocabulary import HEAD_WORDS, Vocabulary

__all__ = ["HEAD_WORDS", "Part", "Vocabulary", "VocabularyBuilder", "order_bits"]
