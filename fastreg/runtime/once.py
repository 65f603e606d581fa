"""Attributes that are computed when first asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class once(Generic[Value]):
    """A property that is computed once; two threads that ask at the same moment may both compute it.

    ``functools.cached_property`` does the same, but up to Python 3.11 takes a lock, which costs more than most of what
    is computed here in a small fit.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute, self.name, self.__doc__ = compute, compute.__name__, compute.__doc__

    def __get__(self, owner: Any, kind: type | None = None) -> Value:
        """Compute the value and put it in the owner's way here."""
        if owner is None:
            return self  # type: ignore[return-value]
        value = self.compute(owner)
        vars(owner)[self.name] = value
        return value
