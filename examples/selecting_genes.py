"""Which genes tell two kinds of leukemia apart? The support with and without a certificate.

72 samples, 7,129 genes. A loose answer has nearly the right predictions and the wrong support: it still carries
features on their way out. The duality gap says how loose an answer is, whoever computed it.
"""

import warnings

import numpy as np
from data import load_leukemia
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso

import fastreg

X, y = load_leukemia()
X = (X - X.mean(axis=0)) / X.std(axis=0)
alpha = fastreg.alpha_max(X, y) / 100
null_loss = 0.5 * np.mean((y - y.mean()) ** 2)

exact = fastreg.fit_path(X, y, alphas=alpha, tol=1e-12)
residual = y - exact.predict(X, alpha)
# Only features whose correlation with the residual is at the threshold may have a coefficient.
allowed = np.abs(X.T @ residual) / len(y) >= alpha * (1 - 1e-6)
print(f"alpha = {alpha:.4g}; the exact solution has {exact.df[0]} genes, {allowed.sum()} are at the threshold")
print(f"{'':28s}{'relative gap':>14s}{'genes':>8s}{'too many':>10s}")
for tol in (1e-2, 1e-3, 1e-4, 1e-6):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Lasso(alpha, tol=tol, max_iter=100_000).fit(X, y)
    gap = fastreg.duality_gap(X, y, model.coef_, model.intercept_, alpha) / null_loss
    support = model.coef_ != 0
    print(f"scikit-learn, tol={tol:<10.0e}{'':2s}{gap:>14.1e}{support.sum():>8d}{(support & ~allowed).sum():>10d}")
ours = fastreg.Lasso(alpha).fit(X, y)
support = ours.coef_ != 0
gap = ours.dual_gap_ / null_loss
print(f"{'fastreg, as it comes':28s}{gap:>14.1e}{support.sum():>8d}{(support & ~allowed).sum():>10d}")
