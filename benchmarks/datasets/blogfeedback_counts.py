"""Features of blog posts and their number of comments, dense and tall, 52,397 x 280."""

from benchmarks.loading import stored

NAME = "blogfeedback counts"
IS_QUICK = False
LOSSES = ("poisson",)


def load():
    return stored("blogfeedback", response="counts")
