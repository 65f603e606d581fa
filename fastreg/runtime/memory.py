"""What becomes of memory that a fit has freed."""

import numpy as np

# Just below the largest block that the GNU C library lets count (32 MB, DEFAULT_MMAP_THRESHOLD_MAX in mallopt(3)).
LARGEST_COUNTED = 2**25 - 2**16


def keep_freed() -> None:
    """Have up to 64 MB of what a fit frees kept for the next one.

    The GNU C library hands freed memory back to the system as soon as it is twice the largest block from the system
    that has ever been freed, and to get it back costs a fault a page: a third of a fit on some 100,000 columns. So this
    frees a large block, which is never touched. Any program that has let go of an array of that size has done the same,
    and settings of the user's own, in MALLOC_TRIM_THRESHOLD_ and the like, hold all the same.
    """
    np.empty(LARGEST_COUNTED, dtype=np.uint8)
