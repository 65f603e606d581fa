"""Memory that one fit has freed serves the next one."""

import platform
import subprocess
import sys

import pytest

FITS = """
import resource
import numpy as np, scipy.sparse as sp
import fastreg
rng = np.random.default_rng(0)
places = rng.integers(2_000, size=200_000), np.arange(200_000)
X = sp.csc_array((rng.standard_normal(200_000), places), shape=(2_000, 200_000))
y = rng.standard_normal(2_000)
counts = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    fastreg.fit_path(X, y, n_alphas=3, alpha_min_ratio=0.5, n_threads=1)
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(counts[1:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what other C libraries do is another matter")
def test_a_second_fit_does_not_ask_for_its_pages_again():
    """Without ``keep_freed`` it asks for 700 to 6,000 of them."""
    run = [sys.executable, "-c", FITS]
    found = subprocess.run(run, capture_output=True, text=True, check=True, env={"PATH": ""})
    assert int(found.stdout) < 100
