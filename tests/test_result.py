"""What a result offers."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from designs import make_data

import fastreg

A, Y = make_data(30, 10, seed=51)


@pytest.fixture(scope="module")
def path():
    return fastreg.fit_path(A, Y, n_alphas=7, alpha_min_ratio=0.01)


def test_shapes_and_types(path):
    assert path.alphas.shape == path.intercepts.shape == path.dual_gaps.shape == (7,)
    assert path.converged.shape == path.n_iter.shape == path.df.shape == path.deviance_ratio.shape == (7,)
    assert isinstance(path.coefs, sp.csc_array)
    assert path.coefs.shape == (10, 7)
    assert path.coefs.has_sorted_indices
    assert path.coefs.dtype == np.float64
    assert path.converged.dtype == bool
    assert isinstance(path.null_loss, float)
    assert np.all(np.diff(path.alphas) < 0)
    assert np.all(np.diff(path.deviance_ratio) > 0)
    assert path.loss == "squared"


def test_default_grid():
    wide = fastreg.fit_path(A[:9], Y[:9])
    tall = fastreg.fit_path(A, Y)
    for fitted, ratio in ((wide, 1e-2), (tall, 1e-4)):
        assert len(fitted.alphas) == 100
        assert fitted.alphas[-1] / fitted.alphas[0] == pytest.approx(ratio)
        np.testing.assert_allclose(np.diff(np.log(fitted.alphas)), np.log(ratio) / 99, rtol=1e-9)
    ridge = fastreg.fit_path(A, Y, l1_ratio=0.0)
    eigenvalues = np.linalg.eigvalsh((A - A.mean(0)).T @ (A - A.mean(0)) / 30)
    assert ridge.alphas[0] == pytest.approx(10 * eigenvalues.max(), rel=1e-9)
    assert ridge.alphas[-1] / ridge.alphas[0] == pytest.approx(1e-6)


def test_order_of_alphas_does_not_matter(path):
    shuffled = fastreg.fit_path(A, Y, alphas=np.random.default_rng(0).permutation(path.alphas))
    np.testing.assert_array_equal(shuffled.alphas, path.alphas)
    np.testing.assert_array_equal(shuffled.coefs.toarray(), path.coefs.toarray())


def test_predict(path):
    new = np.random.default_rng(1).standard_normal((5, 10))
    expected = new @ path.coefs.toarray() + path.intercepts
    for X in (new, np.asfortranarray(new), new.astype(np.float32), sp.csr_array(new), sp.csc_array(new)):
        np.testing.assert_allclose(path.predict(X), expected, rtol=1e-5)
        np.testing.assert_allclose(path.predict(X, alpha=path.alphas[3]), expected[:, 3], rtol=1e-5)
    np.testing.assert_allclose(path.predict(new, offset=np.arange(5.0)), expected + np.arange(5.0)[:, None])
    np.testing.assert_allclose(path.predict(new, alpha=path.alphas[0], offset=2.0), expected[:, 0] + 2.0)
    with pytest.raises(ValueError, match="expected 10 features"):
        path.predict(new[:, :4])
    with pytest.raises(ValueError, match="offset: expected"):
        path.predict(new, offset=np.ones(3))
    with pytest.raises(ValueError, match="X: expected finite"):
        path.predict(np.full((2, 10), np.nan))


def test_predict_several_targets():
    Y2 = np.c_[Y, -Y]
    path = fastreg.fit_path(A, Y2, n_alphas=4)
    out = path.predict(A)
    assert out.shape == (30, 4, 2)
    np.testing.assert_allclose(out[..., 1], A @ path.coefs[1].toarray() + path.intercepts[:, 1], atol=1e-12)
    one = path.predict(A, alpha=path.alphas[2], offset=np.c_[np.ones(30), np.zeros(30)])
    assert one.shape == (30, 2)
    np.testing.assert_allclose(one - out[:, 2], np.c_[np.ones(30), np.zeros(30)], atol=1e-12)
    assert path.coef(path.alphas[1]).shape == (2, 10)
    assert path.intercept(path.alphas[1]).shape == (2,)


def test_coef_interpolates_linearly_inside_and_refuses_outside(path):
    dense = path.coefs.toarray()
    for k, alpha in enumerate(path.alphas):
        np.testing.assert_allclose(path.coef(alpha), dense[:, k], rtol=1e-12)
        assert path.intercept(alpha) == pytest.approx(path.intercepts[k])
    middle = 0.25 * path.alphas[2] + 0.75 * path.alphas[3]
    np.testing.assert_allclose(path.coef(middle), 0.25 * dense[:, 2] + 0.75 * dense[:, 3], rtol=1e-12)
    for alpha in ("a", None, np.array([0.1, 0.2])):
        with pytest.raises(ValueError, match="alpha: expected a number"):
            path.coef(alpha)
    for alpha in (path.alphas[0] * 1.01, path.alphas[-1] * 0.99, np.nan, -1.0):
        with pytest.raises(ValueError, match="alpha: expected a value on the path"):
            path.coef(alpha)
    single = fastreg.fit_path(A, Y, alphas=0.3)
    np.testing.assert_array_equal(single.coef(0.3), single.coefs.toarray()[:, 0])


def test_repeated_alphas():
    path = fastreg.fit_path(A, Y, alphas=[0.1, 0.1, 0.5])
    np.testing.assert_allclose(path.coefs.toarray()[:, 1], path.coefs.toarray()[:, 2], atol=1e-9)
    np.testing.assert_allclose(path.coef(0.1), path.coefs.toarray()[:, 1], atol=1e-9)


def test_the_matrix_of_coefficients_is_made_once_and_travels():
    path = fastreg.fit_path(A, Y, n_alphas=7, alpha_min_ratio=0.01)
    early = pickle.loads(pickle.dumps(path))
    assert path.coefs is path.coefs
    for copied in (early, pickle.loads(pickle.dumps(path))):
        np.testing.assert_array_equal(copied.coefs.toarray(), path.coefs.toarray())
        np.testing.assert_array_equal(copied.df, np.diff(copied.coefs.indptr))
    several = fastreg.fit_path(A, np.column_stack([Y, -Y]), n_alphas=7, alpha_min_ratio=0.01)
    assert [part.shape for part in several.coefs] == [(10, 7), (10, 7)]
    np.testing.assert_allclose(several.coefs[0].toarray(), -several.coefs[1].toarray(), rtol=1e-12)


def test_another_thread_may_read_a_result_whose_matrix_is_being_made():
    """What it reads does not change then, and what it ships are the fields alone."""
    path = fastreg.fit_path(*make_data(60, 3000, seed=52), n_alphas=30)
    made = path.coefficients[0]
    before = [array.copy() for array in (made.values, made.columns, made.starts)]
    assert not all((np.diff(made.columns[a:b]) > 0).all() for a, b in pairwise(made.starts))  # something to sort
    matrix = path.coefs
    for now, old in zip((made.values, made.columns, made.starts), before, strict=True):
        np.testing.assert_array_equal(now, old)
    assert not np.shares_memory(matrix.data, made.values)
    assert "coefs" not in path.__getstate__()
    assert "matrix" not in made.__getstate__()


def test_pickle(path):
    again = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(again.coefs.toarray(), path.coefs.toarray())
    np.testing.assert_array_equal(again.predict(A), path.predict(A))
    assert repr(again) == repr(path)


def test_repr_says_what_and_how_well(path):
    assert "10 features, 7 alphas" in repr(path)
    assert "worst relative gap" in repr(path)
    assert "2 targets" in repr(fastreg.fit_path(A, np.c_[Y, Y], n_alphas=2))


def test_progress(capsys, monkeypatch):
    pytest.importorskip("tqdm")
    fastreg.fit_path(A, Y, n_alphas=5, progress=True)
    assert "5/5" in capsys.readouterr().err
    import builtins

    real = builtins.__import__

    def without_tqdm(name, *args, **kwargs):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    fastreg.fit_path(A, Y, n_alphas=5, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("fastreg: 5/5: alpha")
    assert "nonzero, gap" in lines[-1]
    fastreg.fit_path(A, Y, n_alphas=5)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_intercepts_belong_to_the_coefficients(storage, ratio):
    """Features enter the working set of wide data in an order of their own."""
    X, y = make_data(30, 700, seed=7)
    X += np.random.default_rng(0).standard_normal(700)
    path = fastreg.fit_path(storage(X), y, n_alphas=20, l1_ratio=ratio)
    np.testing.assert_allclose(path.intercepts, y.mean() - X.mean(axis=0) @ path.coefs.toarray(), atol=1e-10)
    assert path.coefs.has_sorted_indices
    assert path.coefs.indices.dtype == np.int32
