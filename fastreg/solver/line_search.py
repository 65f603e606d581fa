"""Halving a step until the objective has fallen enough, for Newton's method in NumPy."""

from collections.abc import Iterator

# The part of the decrease promised by the slope that a step must bring (Armijo).
ENOUGH = 1e-4
SHORTEST = 1e-12


def halvings(length: float = 1.0, shortest: float = SHORTEST) -> Iterator[float]:
    """Yield length, length / 2, length / 4, ... down to ``shortest``, which is a fraction of the length."""
    shortest *= length
    while length > shortest:
        yield length
        length *= 0.5


def fallen_enough(new: float, old: float, promised: float, rounding: float) -> bool:
    """Return whether an objective has fallen from old to new by a part of what its slope had promised.

    Parameters
    ----------
    new, old : float
    promised : float, slope times length; a rise promises nothing
    rounding : float, what the objective may rise by where it tells nothing any more
    """
    return new <= old + ENOUGH * min(promised, 0.0) + rounding
