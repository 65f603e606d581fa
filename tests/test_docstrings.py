"""The examples in the docstrings of the public API run and print what they say."""

import doctest

import pytest

import fastreg


@pytest.mark.parametrize("name", ["fit_path", "alpha_max", "duality_gap", "Lasso", "ElasticNet", "Ridge"])
def test_examples(name):
    example = doctest.DocTestFinder(recurse=False).find(getattr(fastreg, name), name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in example:
        runner.run(test)
    assert runner.summarize(verbose=False).attempted > 0
    assert runner.failures == 0
