"""One module per contestant, each with these four names.

NAME : str, as it stands in the table
handles(l1_ratio) -> bool
    Whether it solves the problem (1 is the lasso, 0 ridge) and is installed.
prepare(X) -> X in the storage the contestant likes best; not timed.
fit(X, y, alphas, l1_ratio, tol, n_threads) -> Solution; timed
    Fits with an intercept, without standardizing, for descending alphas in the scaling of ``fastreg.fit_path``.
    ``tol`` is the contestant's own notion of accuracy; smaller is more accurate.
"""
