"""The examples in the docstrings of the public API run and print what they say."""

import doctest
from operator import attrgetter

import matplotlib
import pytest

import fastreg

# Classes that are only ever returned say in the docstring of the function how they come about.
RETURNED = {"CVResult", "ConvergenceWarning", "InformationCriteria", "PathResult", "Penalty", "RelaxedPath"}


@pytest.mark.parametrize("name", [*sorted(set(fastreg.__all__) - RETURNED), "PathResult.summary"])
def test_examples(name):
    matplotlib.use("Agg")
    example = doctest.DocTestFinder(recurse=False).find(attrgetter(name)(fastreg), name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in example:
        runner.run(test)
    assert runner.summarize(verbose=False).attempted > 0
    assert runner.failures == 0
