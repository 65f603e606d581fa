"""A hundred times more rows than columns."""

from benchmarks.designs import autoregressive, simulated

NAME = "tall"
IS_QUICK = False
LOSSES = ("squared", "logistic")


def load():
    return simulated(autoregressive(50_000, 500, 0.5, seed=16), n_signals=50, signal_to_noise=2.0, seed=17)
