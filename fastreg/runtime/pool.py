"""Pieces of work side by side, in threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastreg.runtime.interrupt import StopFlag

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_parallel(task: Callable[[Item], Result], items: Sequence[Item], n_workers: int) -> list[Result]:
    """Return [task(item) for item in items], computed by so many threads.

    Signals reach the main thread alone. Where it is interrupted, or a task fails, the kernels of the other threads
    are told to stop.
    """
    if n_workers <= 1 or len(items) <= 1:
        return [task(item) for item in items]
    flag = StopFlag()
    with ThreadPoolExecutor(min(n_workers, len(items)), initializer=flag.watch) as pool:
        futures = [pool.submit(task, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            flag.stop()
            for future in futures:
                future.cancel()
            raise
