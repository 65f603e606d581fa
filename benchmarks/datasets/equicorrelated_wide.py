"""Far more columns than rows, every two of them correlated."""

from benchmarks.designs import equicorrelated, simulated

NAME = "equicorrelated 0.6"
IS_QUICK = False


def load():
    return simulated(equicorrelated(500, 20_000, 0.6, seed=12), n_signals=50, signal_to_noise=2.0, seed=13)
