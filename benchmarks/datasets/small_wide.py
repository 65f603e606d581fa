"""Fewer samples than features, neighboring columns correlated."""

from benchmarks.designs import autoregressive, simulated

NAME = "small wide"
IS_QUICK = True


def load():
    return simulated(autoregressive(200, 2000, 0.5, seed=0), n_signals=20, signal_to_noise=4.0, seed=1)
