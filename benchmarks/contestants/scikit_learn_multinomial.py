"""scikit-learn's LogisticRegression for three classes or more: of its solvers SAGA alone knows an l1 penalty there."""

from benchmarks.contestants import scikit_learn_logistic, starts

NAME = scikit_learn_logistic.NAME
IS_PEER = True
IMPORTS, PACKAGES = scikit_learn_logistic.IMPORTS, scikit_learn_logistic.PACKAGES
LOSSES = ("multinomial",)
LADDER = scikit_learn_logistic.LADDER

prepare, fit = scikit_learn_logistic.prepare, scikit_learn_logistic.fit


def options(problem):
    return tuple(f"SAGA, {start}" for start in starts(problem))
