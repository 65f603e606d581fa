"""Far more columns than rows, neighboring columns correlated."""

from benchmarks.designs import autoregressive, simulated

NAME = "AR(1) 0.5"
IS_QUICK = False


def load():
    return simulated(autoregressive(500, 20_000, 0.5, seed=10), n_signals=50, signal_to_noise=2.0, seed=13)
