"""The data of glmnet's introduction with three classes, dense, 500 x 30."""

from benchmarks.loading import stored

NAME = "MultinomialExample"
IS_QUICK = True
LOSSES = ("multinomial", "multinomial-grouped")


def load():
    return stored("glmnet_MultinomialExample")
