"""Visible progress."""

import sys
from collections.abc import Callable


class Progress:
    """A bar on standard error: tqdm where it is installed, else a line every tenth of the way."""

    def __init__(self, wanted: bool, total: int) -> None:
        self.wanted, self.total, self.done, self.bar = wanted, total, 0, None
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=total, file=sys.stderr)

    def __enter__(self) -> Callable[[float, int, float], None] | None:
        return self.step if self.wanted else None

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, alpha: float, n_nonzero: int, gap: float) -> None:
        self.done += 1
        text = f"alpha {alpha:.3g}, {n_nonzero} nonzero, gap {gap:.1e}"
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update()
        elif (10 * self.done) // self.total > (10 * (self.done - 1)) // self.total:
            print(f"fastreg: {self.done}/{self.total}: {text}", file=sys.stderr)
