"""Many samples of few features, neighboring columns correlated."""

from benchmarks.designs import autoregressive, simulated

NAME = "small tall"
IS_QUICK = True
LOSSES = ("squared", "logistic")


def load():
    return simulated(autoregressive(3000, 100, 0.5, seed=2), n_signals=20, signal_to_noise=1.0, seed=3)
