"""The data of glmnet's introduction, dense, 100 x 20."""

from benchmarks.loading import stored

NAME = "QuickStart"
IS_QUICK = True


def load():
    return stored("glmnet_QuickStartExample")
