"""Fixtures and settings shared by all tests."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
# The benchmarks are not installed; what is installed comes first.
sys.path.append(str(Path(__file__).parents[1]))

from designs import REPRESENTATIONS

settings.register_profile(
    "fastreg", deadline=None, derandomize=True, max_examples=40, suppress_health_check=list(HealthCheck)
)
settings.load_profile("fastreg")


@pytest.fixture(params=list(REPRESENTATIONS))
def represent(request):
    """Every way to hold a matrix, as a function of a float64 array."""
    return REPRESENTATIONS[request.param]
