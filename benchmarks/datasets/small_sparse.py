"""A sparse matrix with more features than samples."""

from benchmarks.designs import simulated, sparse_normal

NAME = "small sparse"
IS_QUICK = True
LOSSES = ("squared", "logistic")


def load():
    return simulated(sparse_normal(400, 800, density=0.02, seed=4), n_signals=20, signal_to_noise=4.0, seed=5)
