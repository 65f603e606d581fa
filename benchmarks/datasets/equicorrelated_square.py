"""As many rows as columns, every two columns strongly correlated."""

from benchmarks.designs import equicorrelated, simulated

NAME = "equicorrelated 0.9"
IS_QUICK = False


def load():
    return simulated(equicorrelated(3_000, 3_000, 0.9, seed=14), n_signals=50, signal_to_noise=2.0, seed=15)
