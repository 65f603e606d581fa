"""The package itself."""

from benchmarks.problem import Solution

NAME = "fastreg"
IS_PEER = False
IMPORTS, PACKAGES = ("fastreg",), ()
LOSSES = ("squared", "logistic", "poisson", "multinomial", "multinomial-grouped")
LADDER = [10.0**-k for k in range(4, 13)]


def about():
    import fastreg

    return {"fastreg": fastreg.__version__}


def options(problem):
    return ("path",)


def prepare(X, y):
    return X, y


def cross_validate(data, problem, tol, option, n_folds):
    import fastreg

    found = fastreg.cross_validate_path(
        *data, cv=n_folds, alphas=problem.alphas, l1_ratio=problem.l1_ratio, tol=tol, n_threads=problem.threads
    )
    return {"passes": found.n_passes}


def fit(data, problem, tol, option):
    import fastreg

    loss = fastreg.Multinomial(grouped=True) if problem.loss == "multinomial-grouped" else problem.loss
    path = fastreg.fit_path(
        *data, loss=loss, alphas=problem.alphas, l1_ratio=problem.l1_ratio, tol=tol, n_threads=problem.threads
    )
    # Of one fit a vector, as peers return it; of a path a matrix.
    coefs = path.coef(path.alphas[0])[:, None] if problem.is_single and not path.several else path.coefs
    return Solution(coefs, path.n_passes)
