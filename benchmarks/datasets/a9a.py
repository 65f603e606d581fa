"""Facts about adults and whether they earn much, sparse and tall, 32,561 x 123."""

from benchmarks.loading import stored

NAME = "a9a"
IS_QUICK = False
LOSSES = ("logistic",)


def load():
    return stored(NAME)
