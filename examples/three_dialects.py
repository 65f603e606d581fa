"""The same model in scikit-learn's, in glmnet's and in fastreg's terms."""

import numpy as np
from sklearn.linear_model import ElasticNet, Ridge

import fastreg

rng = np.random.default_rng(0)
X = rng.standard_normal((100, 5)) * [1.0, 2.0, 3.0, 4.0, 5.0]
y = X @ [1.0, 0.0, -0.5, 0.0, 0.2] + rng.standard_normal(100)


def show(title, coefficients):
    print(f"{title:64s}" + "".join(f"{value:9.5f}" for value in coefficients))


def fit(penalty, **options):
    path = fastreg.fit_path(X, y, alphas=penalty.alpha, l1_ratio=penalty.l1_ratio, tol=1e-12, **options)
    return path.coefs.toarray()[:, 0]


show(
    "scikit-learn, ElasticNet(alpha=0.3, l1_ratio=0.5)", ElasticNet(alpha=0.3, l1_ratio=0.5, tol=1e-12).fit(X, y).coef_
)
show(
    "fastreg.ElasticNet(alpha=0.3, l1_ratio=0.5)",
    fastreg.ElasticNet(alpha=0.3, l1_ratio=0.5, tol=1e-12).fit(X, y).coef_,
)
show("the same from l1 sum |b| + l2 sum b^2 beside half the mean", fit(fastreg.from_half_mean_of_squares(0.15, 0.075)))

show("scikit-learn, Ridge(alpha=10)", Ridge(alpha=10.0).fit(X, y).coef_)
show("fastreg, from_sum_of_squares(100, l2=10)", fit(fastreg.from_sum_of_squares(100, l2=10.0)))

# glmnet(X, y, lambda = 0.2, alpha = 0.5, thresh = 1e-14) standardizes the columns, and y for the l2 part.
glmnet = fastreg.from_glmnet(0.2, alpha=0.5, y_deviation=y.std())
show("glmnet, lambda = 0.2, alpha = 0.5, in fastreg's terms", fit(glmnet, standardize=True))
print(f"that is {glmnet} with standardize=True")
