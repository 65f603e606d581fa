"""Features of molecules and whether they bind to thrombin, sparse, 800 x 100,000."""

from benchmarks.loading import stored

NAME = "dorothea"
IS_QUICK = False
LOSSES = ("squared", "logistic")


def load():
    return stored(NAME)
