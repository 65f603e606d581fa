"""Fingerprints of molecules and their action on HIV, sparse, 41,906 x 333,231; most columns have an equal."""

from benchmarks.loading import stored

NAME = "hiv_ecfp6"
IS_QUICK = False
LOSSES = ("squared", "logistic")


def load():
    return stored(NAME)
