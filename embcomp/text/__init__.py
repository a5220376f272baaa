"""Texts as vectors: with a static sentence model's own tokenizer, or by the words of a vocabulary."""

from embcomp.text.encoder import TextEncoder, Weighting
from embcomp.text.model import TextModel, TextRules

__all__ = ["TextEncoder", "TextModel", "TextRules", "Weighting"]
