"""Gene expression and the type of leukemia, dense, 72 x 7,129; comes with the examples."""

from benchmarks.loading import EXAMPLES, stored

NAME = "leukemia"
IS_QUICK = True
LOSSES = ("squared", "logistic")


def load():
    return stored(NAME, EXAMPLES / "leukemia.npz")
