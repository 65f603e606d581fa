"""How many threads a fit may start."""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

_forked = False


def _after_fork() -> None:
    # The OpenMP pool of the parent does not survive a fork; a child that tried to use it would hang.
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _available() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(n_threads: int | None) -> int:
    """Return the number of threads to use.

    ``None`` means ``OMP_NUM_THREADS`` where that is set, else every available core. In a forked child
    the answer is always 1, because an OpenMP pool does not survive a fork.
    """
    if n_threads is not None:
        if isinstance(n_threads, bool) or not hasattr(n_threads, "__index__") or not 1 <= n_threads <= 1024:
            raise ValueError(f"n_threads: expected None or an integer >= 1 (and at most 1024), got {n_threads!r}.")
        return 1 if _forked else int(n_threads)
    if _forked:
        return 1
    from_environment = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(from_environment) if from_environment.isdigit() and int(from_environment) else _available()


def blas_threads(n_threads: int | None) -> AbstractContextManager:
    """Return a context in which NumPy's BLAS uses n_threads, where threadpoolctl is installed.

    None leaves BLAS as it is. The kernels call BLAS on blocks too small for threads of its own; only the
    factorizations of ridge, which go through NumPy, need this.
    """
    controller = None if n_threads is None else _blas()
    return nullcontext() if controller is None else controller.limit(limits=n_threads)


@cache
def _blas() -> Any:
    """Return what controls the threads of BLAS, None without threadpoolctl; to look for libraries takes milliseconds.

    NumPy's and SciPy's are loaded when fastreg is.
    """
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")
