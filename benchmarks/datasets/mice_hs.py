"""Genotypes of mice and their body-mass index, dense, 1,814 x 10,346."""

from benchmarks.loading import stored

NAME = "mice_hs"
IS_QUICK = False


def load():
    return stored(NAME)
