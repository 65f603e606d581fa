"""LogisticRegression, and what classifiers have in common."""

from typing import Any

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from fastreg.estimators.base import LinearModel, as_matrix, total_weight
from fastreg.estimators.linear import OPTIONS
from fastreg.loss.multinomial import Multinomial
from fastreg.path.result import PathResult
from fastreg.penalty.convert import from_C
from fastreg.problem.validate import check_flag, check_scalar, check_weights

DEFAULT_C = 1.0


def penalty_of(C: Any, total: float) -> float:
    """Return the alpha of scikit-learn's C, beside losses whose weights sum to ``total``; that of infinity is 0."""
    return 0.0 if isinstance(C, float) and np.inf == C else from_C(C, total).alpha


def class_factors(class_weight: Any, classes: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the weight (n_classes,) of every class; ``totals`` are the sums of the weights of their rows.

    Raises
    ------
    ValueError
        If class_weight is neither "balanced" nor a dictionary of weights >= 0 whose keys are classes.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.divide(totals.sum() / len(classes), totals, out=np.zeros(len(classes)), where=totals > 0)
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight: expected None, 'balanced' or a dictionary, got {class_weight!r}.")
    labels = classes.tolist()
    unknown = [key for key in class_weight if key not in labels]
    if unknown:
        raise ValueError(f"class_weight: expected classes of y as keys, {labels}, got {unknown}.")
    return np.array([check_scalar(class_weight.get(label, 1.0), f"class_weight[{label!r}]", 0.0) for label in labels])


class Classifier(ClassifierMixin, LinearModel):
    """Labels of any type coded as 0 to K - 1, and their probabilities from linear predictors."""

    @property
    def loss(self) -> Any:
        """The loss that goes with the number of classes."""
        grouped = check_flag(self.grouped, "grouped")
        return "logistic" if len(self.classes_) == 2 else Multinomial(grouped)

    def _encoded(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Set ``classes_``; return X as ``fit_path`` takes it, and the codes of y."""
        self._require(y)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y: expected two classes or more, got one class: {classes.tolist()}. Add rows of another one."
            )
        self.classes_ = classes
        return as_matrix(X), codes

    def _weighted(self, codes: np.ndarray, sample_weight: Any) -> tuple[Any, float]:
        """Return the weights of rows, those of their classes included, and their sum."""
        total = total_weight(codes, sample_weight)
        if self.class_weight is None:
            return sample_weight, total
        weights = total * check_weights(sample_weight, len(codes))
        weights *= class_factors(self.class_weight, self.classes_, np.bincount(codes, weights))[codes]
        return weights, total_weight(codes, weights)

    def _take(self, X: Any, result: PathResult, index: int) -> None:
        super()._take(X, result, index)
        self.coef_, self.intercept_ = np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return linear predictors for the rows of X (m, n_features): (m,) of ``classes_[1]``, or (m, n_classes)."""
        return self._predicted(X, predictor=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable classes (m,) of the rows of X (m, n_features)."""
        eta = self.decision_function(X)
        return self.classes_[(eta > 0).astype(int) if eta.ndim == 1 else eta.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (m, n_classes) for the rows of X (m, n_features)."""
        eta = self.decision_function(X)
        return expit(np.stack([-eta, eta], axis=1)) if eta.ndim == 1 else softmax(eta, axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return logarithms of probabilities (m, n_classes), finite where the probabilities round to 0."""
        eta = self.decision_function(X)
        return log_expit(np.stack([-eta, eta], axis=1)) if eta.ndim == 1 else log_softmax(eta, axis=1)


CLASS_WEIGHT = """grouped : bool
        Whether the l1 part penalizes, of more than two classes, the norm of a feature's coefficients for all classes,
        so that a feature is there for all or for none. Two classes have one coefficient a feature anyway.
    class_weight : None, "balanced" or dict
        Factors of the sample weights by class label, 1 for classes that are left out. "balanced" gives every class
        the same share of all weight.
    """
FITTED = """    classes_ : ndarray (n_classes,), the labels in ascending order
    coef_ : ndarray (1, n_features) or (n_classes, n_features)
        Of two classes the coefficients of the second one.
    intercept_ : ndarray (1,) or (n_classes,)
    sparse_coef_ : csr_array of coef_
    dual_gap_ : float
        Certified duality gap, in units of the objective of ``fastreg.fit_path``.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, if X has column names
"""


class LogisticRegression(Classifier):
    __doc__ = (
        """Logistic regression of two or more classes, with l1 and l2 penalties.

    The objective, with weights w (of samples times classes) that sum to W and p_i the probability of the class of row
    i, is ::

        (1/W) sum_i w_i (-log p_i) + alpha * l1_ratio * sum |b| + alpha * (1 - l1_ratio)/2 * sum b^2

    which is scikit-learn's, divided by C W: alpha = 1/(C W).

    Parameters
    ----------
    C : None or float > 0
        scikit-learn's inverse penalty; infinity for none.
    alpha : None or float >= 0
        The penalty itself, as in ``fastreg.fit_path``, instead of C. It does not depend on how many rows there are.
    l1_ratio : float in [0, 1]; 0 is ridge, 1 is the lasso
    """
        + CLASS_WEIGHT
        + OPTIONS
        + """
    Attributes
    ----------
"""
        + FITTED
        + """
    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    >>> model.predict([[0.5], [2.5]]).tolist()
    ['no', 'yes']
    >>> model.predict_proba([[0.5]]).round(2)
    array([[0.72, 0.28]])
    """
    )

    def __init__(
        self,
        *,
        C: float | None = DEFAULT_C,
        alpha: float | None = None,
        l1_ratio: float = 0.0,
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
        warm_start: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LogisticRegression":
        """Fit the model to X (n_samples, n_features) and y (n_samples,), labels of any type."""
        matrix, codes = self._encoded(X, y)
        weights, total = self._weighted(codes, sample_weight)
        outputs = () if len(self.classes_) == 2 else (len(self.classes_),)
        self._fit_at(X, matrix, codes, self._penalty_from(total), weights, outputs)
        return self

    def _penalty_from(self, total: float) -> float:
        # C is at its default where alpha is meant.
        both = self.alpha is not None and self.C is not None and self.C != DEFAULT_C
        if both or (self.alpha is None and self.C is None):
            raise ValueError(
                f"C, alpha: expected one of them, got C={self.C!r} and alpha={self.alpha!r}. "
                f"Leave C at {DEFAULT_C:g} or None to use alpha."
            )
        return penalty_of(self.C, total) if self.alpha is None else check_scalar(self.alpha, "alpha", 0.0)
