"""A data set or a contestant is a module in a package: adding a file adds one."""

import pkgutil
from importlib import import_module
from types import ModuleType


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Import the modules of a package and return them, sorted by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return [import_module(f"{package.__name__}.{name}") for name in names]
