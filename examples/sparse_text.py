"""Which words make a review sound pleased? An elastic net on 11,852 sentences and 135,392 words and word pairs."""

import numpy as np
from data import load_vader

import fastreg

X, y = load_vader()
rng = np.random.default_rng(0)
test = rng.random(len(y)) < 0.2
X_train, X_test = X[:, :].tocsr()[~test], X[:, :].tocsr()[test]

# The path ends where the held-out sentences are no longer predicted better.
path = fastreg.fit_path(
    X_train, y[~test], l1_ratio=0.9, validation=(X_test, y[test]), patience=5, alpha_min_ratio=1e-3
)  # fmt: skip
print(path)
print(path.summary(6))
alpha = path.alpha_validated
explained = 1 - path.validation_deviance.min() / np.var(y[test])
print(
    f"\nbest alpha {alpha:.4g}: {int((path.coef(alpha) != 0).sum())} terms explain {explained:.0%} of unseen sentences"
)
print(f"the matrix was read {path.n_passes:.1f} times for {len(path.alphas)} fits")
