"""How large should alpha be? Cross-validation, information criteria and a relaxed fit on the diabetes data."""

import numpy as np
from sklearn.datasets import load_diabetes

import fastreg

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
# The rows come in no particular order, but shuffling never hurts: folds are blocks of consecutive rows.
order = np.random.default_rng(0).permutation(len(y))
X, y = X.iloc[order], y.iloc[order]

cv = fastreg.cross_validate_path(X, y, cv=10, standardize=True)
print(cv.summary())

criteria = fastreg.information_criteria(cv.path)
print()
print(criteria)

print("\nCoefficients per unit of each feature:")
print(f"{'':8s}{'best':>10s}{'1-SE':>10s}{'BIC':>10s}")
columns = [cv.coef("best"), cv.coef("1se"), cv.path.coef(criteria.best("bic"))]
for name, *values in zip(X.columns, *columns, strict=True):
    print(f"{name:8s}" + "".join(f"{value:10.3f}" for value in values))

# Less shrinkage on the same support: gamma = 1 is the lasso, 0 is least squares on its support.
relaxed = fastreg.cross_validate_path(X, y, cv=10, standardize=True, relax=[0.0, 0.5, 1.0])
print(f"\nWith relaxed fits to choose among: {relaxed}")

try:
    axes = fastreg.plot_cv(cv), fastreg.plot_path(cv.path)
except ImportError as error:
    print(error)
else:
    for name, ax in zip(("choosing-alpha-cv.png", "choosing-alpha-path.png"), axes, strict=True):
        ax.figure.savefig(name, dpi=120)
        print(f"drawn: {name}")
