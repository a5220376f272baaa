"""What a language model is made of, and how it is trained."""

from __future__ import annotations

from embcomp.checks import Boolean, Either, Integer, OneOf, Real, option
from embcomp.compressors.config import Configurable

SYSTEMS = ("float", "belm", "bllm", "kd", "alone", "embc", "prune")


class Recipe(Configurable):
    """All options of a training; the defaults suit the Penn Treebank. ``docs/models.md`` describes the systems."""

    name = "lm"

    system = option(OneOf(*SYSTEMS), "what tables and LSTM are made of", default="float")
    tied = option(Boolean(), "the output table is the input table", default=False)
    hidden = option(Integer(1, 65536), "numbers of a word's vector and of the LSTM's state", default=200)
    compose = option(OneOf("linear", "lstm"), "how 'kd' makes a vector of codes", default="linear")
    inter = option(Integer(1, 10**7), "hidden units of the network of 'alone'", default=1024)
    filter = option(OneOf("binary", "real"), "filters of 'alone'", default="binary")
    fraction = option(Real(0, 1), "share of a table's numbers that 'prune' sets to 0", default=0.95)
    epochs = option(Integer(0, 10**6), "passes over the text", default=4)
    streams = option(Integer(1, 10**6), "places in the text that are read at once", default=20)
    time = option(Integer(1, 10**6), "words of each place in a batch", default=35)
    rate = option(Real(0), "learning rate of SGD on a batch's mean loss", default=20.0)
    code_rate = option(Real(0), "learning rate of Adam, for what stands in the place of float32 layers", default=4e-3)
    clip = option(Real(0), "largest norm of the gradients of SGD", default=0.25)
    dropout = option(Real(0, 1), "share of the dimensions before and behind the LSTM that are set to 0", default=0.1)
    sampled = option(Integer(0), "words in a batch's loss beside its targets", default=512)
    words = option(Either(Integer(1), OneOf("all")), "size of the vocabulary at most", default="all")
    random_state = option(Integer(0, 2**32 - 1), "seed of all randomness", default=0, role="seed")
