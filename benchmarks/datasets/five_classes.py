"""Far more columns than rows, neighboring columns correlated, and five classes."""

from benchmarks.designs import autoregressive, simulated_classes

NAME = "5 classes"
IS_QUICK = False
LOSSES = ("multinomial", "multinomial-grouped")


def load():
    return simulated_classes(
        autoregressive(500, 2000, 0.5, seed=22), n_classes=5, n_signals=30, spread=3.0, seed=23
    )  # fmt: skip
