"""Fewer samples than features, neighboring columns correlated."""

from benchmarks.designs import autoregressive, response


def load():
    X = autoregressive(200, 2000, 0.5, seed=0)
    return X, response(X, n_signals=20, signal_to_noise=4.0, seed=1), "dense wide"
