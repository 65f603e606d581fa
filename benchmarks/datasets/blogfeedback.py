"""Features of blog posts and the logarithm of their comments, dense and tall, 52,397 x 280."""

from benchmarks.loading import stored

NAME = "blogfeedback"
IS_QUICK = False


def load():
    return stored(NAME)
