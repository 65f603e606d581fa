"""Gene expression of Bacillus subtilis and its production of riboflavin, dense, 71 x 4,088."""

from benchmarks.loading import stored

NAME = "riboflavin"
IS_QUICK = False


def load():
    return stored(NAME)
