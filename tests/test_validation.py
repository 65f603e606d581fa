"""Bad input is refused with a message that says what was expected and what to do."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import REPRESENTATIONS, make_data

import fastreg

A, Y = make_data(20, 6)


def spoiled(value, position=(3, 2)):
    X = A.copy()
    X[position] = value
    return X


def bad_csc(indices=None, indptr=None):
    X = sp.csc_array(A)
    if indices is not None:
        X.indices = indices(X.indices.copy())
    if indptr is not None:
        X.indptr = indptr(X.indptr.copy())
    return X


def set_first(value):
    def change(array):
        array[0] = value
        return array

    return change


CASES = {
    "X NaN": ((spoiled(np.nan), Y), {}, "X: expected finite.*column 2"),
    "X inf": ((spoiled(np.inf), Y), {}, "X: expected finite"),
    "X NaN C f32": ((spoiled(np.nan).astype(np.float32), Y), {}, "X: expected finite"),
    "X NaN sparse": ((sp.csc_array(spoiled(np.nan)), Y), {}, "X: expected finite.*column 2"),
    "X -inf sparse": ((sp.csr_array(spoiled(-np.inf)), Y), {}, "X: expected finite"),
    "X 1-d": ((Y, Y), {}, "X: expected a matrix.*reshape"),
    "X 3-d": ((np.ones((2, 2, 2)), Y), {}, "X: expected a matrix"),
    "X no samples": ((np.ones((0, 3)), np.ones(0)), {}, "X: expected at least one sample"),
    "X no features": ((np.ones((3, 0)), np.ones(3)), {}, "X: expected at least one sample and one feature"),
    "X object": ((A.astype(object), Y), {}, "X: expected real numbers"),
    "X complex": ((A.astype(complex), Y), {}, "X: Complex data not supported: expected real numbers"),
    "X strings": ((np.full((20, 2), "a"), Y), {}, "X: expected real numbers"),
    "X complex sparse": ((sp.csc_array(A.astype(complex)), Y), {}, "X: Complex data not supported"),
    "X row out of range": ((bad_csc(indices=set_first(99)), Y), {}, "row indices from 0 to 19"),
    "X row negative": ((bad_csc(indices=set_first(-1)), Y), {}, "row indices from 0 to 19"),
    "X pointer": ((bad_csc(indptr=set_first(5)), Y), {}, "valid CSC matrix"),
    "y NaN": ((A, np.where(np.arange(20) == 4, np.nan, Y)), {}, "y: expected finite"),
    "y inf": ((A, np.where(np.arange(20) == 4, np.inf, Y)), {}, "y: expected finite"),
    "y short": ((A, Y[:-1]), {}, r"y: expected shape \(20,\)"),
    "y 3-d": ((A, np.ones((20, 1, 1))), {}, "y: expected shape"),
    "y strings": ((A, np.full(20, "a")), {}, "y: expected real numbers"),
    "y no targets": ((A, np.ones((20, 0))), {}, "y: expected shape"),
    "weights NaN": ((A, Y), {"sample_weight": np.full(20, np.nan)}, "sample_weight: expected finite"),
    "weights negative": (
        (A, Y),
        {"sample_weight": np.r_[-1.0, np.ones(19)]},
        "sample_weight: expected weights >= 0",
    ),
    "weights zero": ((A, Y), {"sample_weight": np.zeros(20)}, "at least one positive weight"),
    "weights short": ((A, Y), {"sample_weight": np.ones(5)}, r"sample_weight: expected shape \(20,\)"),
    "offset short": ((A, Y), {"offset": np.ones(3)}, "offset: expected"),
    "offset NaN": ((A, Y), {"offset": np.nan}, "offset: expected finite"),
    "alphas negative": ((A, Y), {"alphas": [1.0, -0.1]}, "alphas: expected penalties >= 0"),
    "alphas NaN": ((A, Y), {"alphas": [np.nan]}, "alphas: expected finite"),
    "alphas empty": ((A, Y), {"alphas": []}, "alphas: expected a scalar or a nonempty"),
    "n_alphas": ((A, Y), {"n_alphas": 0}, "n_alphas: expected an integer >= 1"),
    "n_alphas float": ((A, Y), {"n_alphas": 2.5}, "n_alphas: expected an integer"),
    "min ratio": ((A, Y), {"alpha_min_ratio": 1.0}, r"alpha_min_ratio: expected a number in \(0, 1\)"),
    "min ratio zero": ((A, Y), {"alpha_min_ratio": 0.0}, r"alpha_min_ratio: expected a number in \(0, 1\)"),
    "l1_ratio": ((A, Y), {"l1_ratio": 1.5}, "l1_ratio: expected a finite number from 0 to 1"),
    "l1_ratio negative": ((A, Y), {"l1_ratio": -0.1}, "l1_ratio: expected"),
    "l1_ratio NaN": ((A, Y), {"l1_ratio": np.nan}, "l1_ratio: expected"),
    "l1_ratio text": ((A, Y), {"l1_ratio": "half"}, "l1_ratio: expected"),
    "factors negative": (
        (A, Y),
        {"penalty_factors": np.r_[-1.0, np.ones(5)]},
        "penalty_factors: expected values",
    ),
    "factors NaN": (
        (A, Y),
        {"penalty_factors": np.full(6, np.nan)},
        "penalty_factors: expected numbers, got NaN",
    ),
    "factors short": (
        (A, Y),
        {"penalty_factors": np.ones(5)},
        r"penalty_factors: expected a scalar or shape \(6,\)",
    ),
    "lower excludes 0": ((A, Y), {"lower_bounds": 0.5}, "bounds: expected lower_bounds <= 0 <= upper_bounds"),
    "upper excludes 0": ((A, Y), {"upper_bounds": np.r_[-0.1, np.ones(5)]}, "bounds: expected"),
    "bounds NaN": ((A, Y), {"upper_bounds": np.full(6, np.nan)}, "upper_bounds: expected numbers, got NaN"),
    "tol": ((A, Y), {"tol": -1e-3}, "tol: expected a finite number >= 0"),
    "max_iter": ((A, Y), {"max_iter": 0}, "max_iter: expected an integer >= 1"),
    "n_threads": ((A, Y), {"n_threads": 0}, "n_threads: expected None or an integer >= 1"),
    "loss": ((A, Y), {"loss": "hinge"}, "loss: expected one of 'squared', 'logistic'"),
    "loss list": ((A, Y), {"loss": ["squared"]}, "loss: expected one of"),
    "flag text": ((A, Y), {"fit_intercept": "no"}, "fit_intercept: expected True or False, got 'no'"),
    "flag None": ((A, Y), {"standardize": None}, "standardize: expected True or False"),
    "y too large": ((A, Y * 1e200), {}, "y: expected values .* Divide y"),
    "y too small": ((A, Y * 1e-200), {}, "y: expected values .* Divide y"),
    "X too small": ((A * 1e-305, Y), {}, "X: expected columns whose largest entries"),
    "X masked": ((np.ma.masked_array(A, A > 1), Y), {}, "X: expected an array without a mask"),
    "threads": ((A, Y), {"n_threads": 10**12}, "n_threads: expected None or an integer"),
    "init pair": ((A, Y), {"init": np.zeros(6)}, "init: expected a pair"),
    "init shape": ((A, Y), {"init": (np.zeros(5), 0.0)}, r"init: expected coef of shape \(6,\)"),
    "init NaN": ((A, Y), {"init": (np.full(6, np.nan), 0.0)}, "init coef: expected finite"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name):
    args, kwargs, message = CASES[name]
    with pytest.raises((ValueError, TypeError), match=message):
        fastreg.fit_path(*args, **kwargs)


def test_nan_is_found_wherever_it_is(represent):
    for position in ((0, 0), (19, 5), (7, 3)):
        for value in (np.nan, np.inf, -np.inf):
            with pytest.raises(ValueError, match=f"column {position[1]}"):
                fastreg.fit_path(represent(spoiled(value, position)), Y)


def test_other_public_functions_check_too():
    with pytest.raises(ValueError, match="coef: expected 6 coefficients"):
        fastreg.duality_gap(A, Y, np.zeros(5), 0.0, 1.0)
    with pytest.raises(ValueError, match="alpha: expected a finite number >= 0"):
        fastreg.duality_gap(A, Y, np.zeros(6), 0.0, -1.0)
    with pytest.raises(ValueError, match=r"intercept: expected one number for each of 1 target\(s\), got 3"):
        fastreg.duality_gap(A, Y, np.zeros(6), np.zeros(3), 1.0)
    assert fastreg.alpha_max(A, Y, lower_bounds=0.0, upper_bounds=0.0) == 0
    with pytest.raises(ValueError, match="loss: expected"):
        fastreg.alpha_max(A, Y, loss="hinge")
    with pytest.raises(TypeError):
        fastreg.fit_path(A, Y, 0.5)


def test_nothing_of_the_users_changes(represent):
    X = represent(A)
    parts = [X.data, X.indices, X.indptr] if sp.issparse(X) and X.format != "coo" else []
    arrays = parts or ([X.data, *X.coords] if sp.issparse(X) else [np.asarray(X)])
    y, weights, offset = Y.copy(), np.linspace(0.0, 2.0, 20), np.ones(20)
    factors, lower, upper = np.ones(6), np.full(6, -0.5), np.full(6, 0.5)
    alphas, coef = np.array([0.01, 0.5, 0.1]), np.full(6, 3.0)
    given = [y, weights, offset, factors, lower, upper, alphas, coef]
    before = [array.tobytes() for array in arrays + given]
    for ratio in (1.0, 0.0):
        path = fastreg.fit_path(
            X,
            y,
            l1_ratio=ratio,
            alphas=alphas,
            sample_weight=weights,
            offset=offset,
            penalty_factors=factors,
            lower_bounds=lower,
            upper_bounds=upper,
            init=(coef, 0.0),
        )
        path.predict(X)
        fastreg.duality_gap(X, y, coef, 0.0, 0.1, sample_weight=weights)
    assert [array.tobytes() for array in arrays + given] == before
    for array in given:
        array.setflags(write=False)
    fastreg.fit_path(X, y, sample_weight=weights, penalty_factors=factors, alphas=alphas)


def test_sparse_input_is_not_sorted_in_place():
    X = REPRESENTATIONS["csc-unsorted"](A)
    indices, data = X.indices.copy(), X.data.copy()
    fastreg.fit_path(X, Y, n_alphas=3)
    np.testing.assert_array_equal(X.indices, indices)
    np.testing.assert_array_equal(X.data, data)


def test_frames():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    names = [f"gene {j}" for j in range(6)]
    expected = fastreg.fit_path(A, Y, n_alphas=4)
    for X, y in (
        (pandas.DataFrame(A, columns=names), pandas.Series(Y)),
        (polars.DataFrame(A, schema=names), polars.Series(Y)),
    ):
        path = fastreg.fit_path(X, y, n_alphas=4)
        np.testing.assert_allclose(path.coefs.toarray(), expected.coefs.toarray(), atol=1e-12)
        assert list(path.feature_names) == names
        assert path.predict(X).shape == (20, 4)
        with pytest.raises(ValueError, match="expected the columns the path was fitted on"):
            path.predict(pandas.DataFrame(A, columns=names[::-1]))
    mixed = pandas.DataFrame({"a": [1, 2, 3], "b": [True, False, True], "c": [0.5, 1.5, 2.0]})
    for frame in (mixed, mixed.astype({"a": "Int64", "c": "Float64"})):
        assert fastreg.fit_path(frame, [1.0, 2.0, 4.0], alphas=0.1).coefs.shape == (3, 1)
    sparse = pandas.DataFrame.sparse.from_spmatrix(sp.csc_matrix(A))
    with pytest.raises(TypeError, match=r"sparse\.to_coo"):
        fastreg.fit_path(sparse, Y)
    with pytest.raises(TypeError, match="X: expected real numbers"):
        fastreg.fit_path(pandas.DataFrame({"a": ["x"] * 20}), Y)


def test_lists_and_scalars_are_welcome():
    path = fastreg.fit_path([[1, 2], [3, 4], [5, 7]], [1, 2, 4], alphas=0.1, penalty_factors=1, upper_bounds=10)
    assert path.coefs.shape == (2, 1)
