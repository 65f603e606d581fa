"""Fewer samples than features, neighboring columns correlated, and three classes."""

from benchmarks.designs import autoregressive, simulated_classes

NAME = "small, 3 classes"
IS_QUICK = True
LOSSES = ("multinomial", "multinomial-grouped")


def load():
    return simulated_classes(
        autoregressive(200, 400, 0.5, seed=26), n_classes=3, n_signals=10, spread=2.0, seed=27
    )  # fmt: skip
