"""A sparse matrix with more features than samples."""

from benchmarks.designs import response, sparse_normal


def load():
    X = sparse_normal(400, 800, density=0.02, seed=4)
    return X, response(X, n_signals=20, signal_to_noise=4.0, seed=5), "sparse"
