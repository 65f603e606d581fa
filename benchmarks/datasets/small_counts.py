"""Many samples of few features, neighboring columns correlated, and counts."""

from benchmarks.designs import autoregressive, simulated_counts

NAME = "small counts"
IS_QUICK = True
LOSSES = ("poisson",)


def load():
    return simulated_counts(autoregressive(2000, 100, 0.5, seed=18), n_signals=20, spread=1.0, seed=19)
