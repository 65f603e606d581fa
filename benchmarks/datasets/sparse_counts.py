"""A sparse matrix, and counts."""

from benchmarks.designs import simulated_counts, sparse_normal

NAME = "sparse counts"
IS_QUICK = False
LOSSES = ("poisson",)


def load():
    return simulated_counts(sparse_normal(20_000, 10_000, density=0.01, seed=20), n_signals=50, spread=1.0, seed=21)
