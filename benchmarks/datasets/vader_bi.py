"""Words and pairs of words and the sentiment of the text, sparse, 23,703 x 230,735."""

from benchmarks.loading import stored

NAME = "vader_bi"
IS_QUICK = False
LOSSES = ("squared", "logistic")


def load():
    return stored(NAME)
