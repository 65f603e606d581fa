"""Many samples of few features, neighboring columns correlated."""

from benchmarks.designs import autoregressive, response


def load():
    X = autoregressive(3000, 100, 0.5, seed=2)
    return X, response(X, n_signals=20, signal_to_noise=1.0, seed=3), "dense tall"
