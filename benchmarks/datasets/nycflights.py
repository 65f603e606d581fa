"""Flights out of New York and their delay, sparse and tall, 327,346 x 5,645."""

from benchmarks.loading import stored

NAME = "nycflights"
IS_QUICK = False


def load():
    return stored(NAME)
