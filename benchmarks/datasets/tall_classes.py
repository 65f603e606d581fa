"""Many samples of few features, neighboring columns correlated, and four classes."""

from benchmarks.designs import autoregressive, simulated_classes

NAME = "tall, 4 classes"
IS_QUICK = False
LOSSES = ("multinomial", "multinomial-grouped")


def load():
    return simulated_classes(
        autoregressive(20_000, 100, 0.5, seed=24), n_classes=4, n_signals=30, spread=2.0, seed=25
    )  # fmt: skip
