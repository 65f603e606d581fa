"""Random problems of every shape, scale and combination of options, certified by NumPy."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import fastreg
from fastreg import reference

KINDS = {
    "normal": lambda rng, n, p: rng.standard_normal((n, p)),
    "binary": lambda rng, n, p: (rng.random((n, p)) < 0.3).astype(float),
    "counts": lambda rng, n, p: rng.integers(0, 3, (n, p)).astype(float),
    "scaled": lambda rng, n, p: rng.standard_normal((n, p)) * 10.0 ** rng.integers(-4, 5, p),
    "shifted": lambda rng, n, p: rng.standard_normal((n, p)) + 10.0 ** rng.integers(0, 4, p),
    "empty": lambda rng, n, p: rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.05),
}
STORAGE = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csc": sp.csc_array,
    "csr": sp.csr_array,
}


@st.composite
def problems(draw):
    n, p = draw(st.integers(1, 25)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    A = KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, n, p)
    y = A @ (rng.standard_normal(p) * (rng.random(p) < 0.3)) + rng.standard_normal(n) * draw(
        st.sampled_from([0.0, 1.0])
    )
    options = {
        "l1_ratio": draw(st.sampled_from([1.0, 0.9, 0.5, 0.1])),
        "fit_intercept": draw(st.booleans()),
        "standardize": draw(st.booleans()),
    }
    if draw(st.booleans()):
        options["sample_weight"] = np.maximum(rng.integers(-1, 4, n), 0) + (np.arange(n) == 0)
    if draw(st.booleans()):
        options["penalty_factors"] = rng.choice([0.0, 1.0, 2.0, np.inf], p, p=[0.05, 0.7, 0.2, 0.05])
    if draw(st.booleans()):
        options["lower_bounds"] = rng.choice([0.0, -0.1, -np.inf], p)
    if draw(st.booleans()):
        options["offset"] = rng.standard_normal(n)
    return A, y, options, draw(st.sampled_from(sorted(STORAGE)))


@settings(max_examples=150)
@given(problems())
def test_certified_or_warned(problem):
    A, y, options, storage = problem
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = fastreg.fit_path(STORAGE[storage](A), y, n_alphas=5, alpha_min_ratio=1e-2, **options)
    form = reference.standard_form(A, y, **options)
    scale = max(form.null_loss, 1e-300)
    assert bool(caught) == (not path.converged.all())
    for k, alpha in enumerate(path.alphas):
        b = path.coefs[:, [k]].toarray()[:, 0]
        assert np.isfinite(b).all()
        assert np.all((b >= form.lower) & (b <= form.upper))
        gap = reference.dual_gap(form, b, alpha, 5e-10)
        # The certificate is right whether or not the target was reached.
        assert abs(gap - path.dual_gaps[k]) <= 1e-3 * max(gap, path.dual_gaps[k]) + 1e-8 * scale
        if path.converged[k]:
            assert gap <= 1.01e-6 * scale + 1e-24 * np.max(np.abs(y)) ** 2
