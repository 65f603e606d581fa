"""LogisticRegressionCV: the penalty of a logistic regression chosen by cross-validation."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from fastreg.estimators.cross_validated import OPTIONS, CrossValidated
from fastreg.estimators.logistic import CLASS_WEIGHT, FITTED, Classifier, penalty_of
from fastreg.problem.validate import check_count, numeric_array

# So many values of C, from 1e-4 to 1e4.
DEFAULT_CS = 10


def accuracy(codes: np.ndarray, probabilities: np.ndarray, sample_weight: np.ndarray) -> float:
    """Return the weighted share of rows whose class is the most probable one."""
    predicted = probabilities > 0.5 if probabilities.ndim == 1 else probabilities.argmax(axis=1)
    return float(np.average(predicted == codes, weights=sample_weight))


def roc_auc(codes: np.ndarray, probabilities: np.ndarray, sample_weight: np.ndarray) -> float:
    """Return the area under the ROC curve; of several classes the mean over each against the rest."""
    return float(roc_auc_score(codes, probabilities, sample_weight=sample_weight, multi_class="ovr"))


SCORES = {"deviance": None, "accuracy": accuracy, "roc_auc": roc_auc}


class LogisticRegressionCV(Classifier, CrossValidated):
    __doc__ = (
        """``LogisticRegression`` with the penalty, and l1_ratio from a list, chosen by cross-validation.

    Parameters
    ----------
    Cs : int or array of floats > 0
        How many values of C from 1e-4 to 1e4, or the values themselves. C times the sum of losses is what every fold
        minimizes, as in scikit-learn.
    alphas : None, int or array
        A grid of penalties instead of Cs: how many, from the largest one with any effect downward, or the penalties
        themselves, which multiply the mean loss in every fold.
    eps : None or float in (0, 1)
        The smallest penalty over the largest where ``alphas`` is a number; None for the default of
        ``fastreg.fit_path``.
    l1_ratio : float or list of floats in [0, 1]; 0 is ridge, 1 is the lasso
    cv : None (5), int, scikit-learn splitter, or iterable of (train, test)
        An integer stands for stratified folds of consecutive rows, or with groups for scikit-learn's ``GroupKFold``.
    scoring : "deviance", "accuracy", "roc_auc" or callable(y_true, probabilities, sample_weight=...) -> float
        "deviance" is twice the log loss, small where it is good. A callable gets labels and the probabilities (m,) of
        ``classes_[1]``, or (m, n_classes) of more than two classes, and is large where it is good.
    """
        + CLASS_WEIGHT
        + OPTIONS
        + """        With a list of l1_ratio: (n_l1_ratios, n_alphas)
    C_, Cs_ : the same as 1/(alpha W), W the sum of all weights; Cs_ ascend
    l1_ratio_ : float, the chosen one
    scores_ : ndarray (n_folds, n_alphas) or (n_folds, n_l1_ratios, n_alphas)
        What ``scoring`` says of the held-out rows.
    cv_result_ : fastreg.CVResult
        Everything else, for y coded as 0 to n_classes - 1.
"""
        + FITTED
        + """
    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> y = np.where(X[:, 0] + rng.standard_normal(100) > 0, "yes", "no")
    >>> model = fastreg.LogisticRegressionCV().fit(X, y)
    >>> model.scores_.shape, int(np.argmax(model.coef_))
    ((5, 10), 0)
    """
    )

    def __init__(
        self,
        *,
        Cs: Any = DEFAULT_CS,
        alphas: Any = None,
        eps: float | None = None,
        l1_ratio: Any = 0.0,
        cv: Any = None,
        scoring: Any = "deviance",
        choice: str = "best",
        grouped: bool = False,
        class_weight: Any = None,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        penalty_factors: Any = None,
        lower_bounds: Any = None,
        upper_bounds: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> "LogisticRegressionCV":
        """Fit a path on every fold of X (n_samples, n_features) and y, and the chosen penalty on all rows.

        ``sample_weight``, times the weights of classes, is used in fitting and in scoring; ``groups`` are labels of
        rows for the splitter.
        """
        self._check_choice()
        matrix, codes = self._encoded(X, y)
        weights, total = self._weighted(codes, sample_weight)
        Cs = self._checked_Cs()
        if Cs is None:
            grid = self._grid()
        else:
            grid = {"alphas": [penalty_of(C, total) for C in Cs.tolist()], "fold_alphas": "sum"}
        cv = 5 if self.cv is None else self.cv
        if isinstance(cv, (int, np.integer)) and groups is None:
            cv = StratifiedKFold(check_count(cv, "cv"))
        result = self._fit_folds(matrix, codes, weights, groups, cv=cv, scoring=self._scorer(), **grid)
        index = self._choose(X, result)
        with np.errstate(divide="ignore"):
            # The numbers that were given, without the rounding of the way to our units and back.
            self.Cs_ = 1.0 / (self.alphas_ * total) if Cs is None else Cs
            self.C_ = float(1.0 / np.float64(self.alpha_ * total)) if Cs is None else float(Cs[index])
        self.scores_, self.l1_ratio_ = result.fold_scores, result.l1_ratio_best
        return self

    def _checked_Cs(self) -> np.ndarray | None:
        """Return the values of C in ascending order, None where there are alphas instead."""
        default = np.ndim(self.Cs) == 0 and self.Cs == DEFAULT_CS
        if self.alphas is not None:
            if not default:
                raise ValueError(
                    f"Cs, alphas: expected one of them, got Cs={self.Cs!r} and alphas={self.alphas!r}. "
                    f"Leave Cs at {DEFAULT_CS} to use alphas."
                )
            return None
        if not np.ndim(self.Cs):
            return np.logspace(-4, 4, check_count(self.Cs, "Cs"))
        return np.sort(numeric_array(self.Cs, "Cs"))

    def _scorer(self) -> Callable[..., float] | None:
        """Return what scores codes and probabilities; None for the deviance."""
        if isinstance(self.scoring, str) and self.scoring in SCORES:
            return SCORES[self.scoring]
        if not callable(self.scoring):
            raise ValueError(
                f"scoring: expected {', '.join(map(repr, SCORES))} or a callable(y_true, probabilities, "
                f"sample_weight=...), got {self.scoring!r}."
            )
        scoring, classes = self.scoring, self.classes_

        def score(codes: np.ndarray, probabilities: np.ndarray, sample_weight: np.ndarray) -> float:
            return scoring(classes[codes.astype(int)], probabilities, sample_weight=sample_weight)

        return score
