"""The numbers of R glmnet for generalized linear models: those of data stored with them, and of glmnet's own examples.

The examples are read from the folder that the environment variable FASTREG_DATA names, since their license does not
allow them here: <name>.npz with X and y. Without them their tests are skipped.
"""

import numpy as np
import pytest
from glm_cases import glmnet_coefficients, glmnet_data, glmnet_fits
from scipy.special import log_softmax

import fastreg
from fastreg import reference

FITS = {name: fit for name, fit in glmnet_fits().items() if fit["loss"] != "multinomial"}
MULTINOMIAL = {name: fit for name, fit in glmnet_fits().items() if fit["loss"] == "multinomial"}


@pytest.mark.parametrize("name", FITS)
def test_reference_is_glmnet(name):
    fit = FITS[name]
    X, y, options = glmnet_data(fit)
    form = reference.glm_form(X, y, fit["loss"], **options)
    for step in fit["path"]:
        alpha, expected = step["lambda"], glmnet_coefficients(step, X.shape[1])
        b, intercept = reference.glm_fit(form, alpha)
        np.testing.assert_allclose(b, expected, atol=2e-6 * max(np.abs(expected).max(), 0.1))
        assert intercept == pytest.approx(step["intercept"], abs=2e-6)
        # At thresh = 1e-14 glmnet leaves relative gaps of up to 2e-6.
        theirs = reference.glm_dual_gap(form, expected, step["intercept"], alpha)
        assert reference.glm_dual_gap(form, b, intercept, alpha) <= theirs + 1e-15 <= 5e-6 * form.null_loss


@pytest.mark.parametrize("name", MULTINOMIAL)
def test_multinomial_numbers_are_optimal(name):
    """sum_k |b_jk|, or with groups ||b_j||, against mean_i -log p_i(y_i): glmnet's numbers have its KKT conditions."""
    fit = MULTINOMIAL[name]
    X, y, _ = glmnet_data(fit)
    labels = y[:, None] == np.unique(y)
    for step in fit["path"]:
        alpha = step["lambda"]
        B = glmnet_coefficients(step, X.shape[1]).T
        eta = X @ B + [part["intercept"] for part in step["classes"]]
        u = labels - np.exp(log_softmax(eta, axis=1))
        np.testing.assert_allclose(u.mean(axis=0), 0.0, atol=1e-6)
        deviation = X.std(axis=0)[:, None]
        z, B = X.T @ u / len(y) / deviation, B * deviation
        size = np.linalg.norm(B, axis=1, keepdims=True) if fit["grouped"] else np.abs(B)
        pull = np.linalg.norm(z, axis=1, keepdims=True) if fit["grouped"] else np.abs(z)
        assert size.any()
        assert pull.max() <= alpha + 1e-6
        signs = np.divide(B, size, out=np.zeros_like(B), where=size > 0)
        np.testing.assert_allclose(np.where(size > 0, z, 0.0), alpha * signs, atol=1e-6)


@pytest.mark.parametrize("name", FITS)
def test_fastreg_is_glmnet(name):
    fit = FITS[name]
    X, y, options = glmnet_data(fit)
    alphas = [step["lambda"] for step in fit["path"]]
    path = fastreg.fit_path(X, y, loss=fit["loss"], alphas=alphas, tol=1e-11, **options)
    assert path.converged.all()
    for step in fit["path"]:
        expected = glmnet_coefficients(step, X.shape[1])
        np.testing.assert_allclose(path.coef(step["lambda"]), expected, atol=1e-5 * max(np.abs(expected).max(), 0.1))
        assert path.intercept(step["lambda"]) == pytest.approx(step["intercept"], abs=1e-5)
