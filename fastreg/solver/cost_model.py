"""Which form, which route: every choice between ways to the same answer is made here.

Costs, with n samples, p features, N stored entries, W the working set (a few times the support, which is at most
min(n, p) for the lasso):

* A *complete Gram* reads X once (p columns of moments aside) and costs n p^2 flops; after it the path never touches X.
  It pays where p is small against n, or where everything is small.
* A *packed Gram* copies the n |W| numbers of the working columns and costs n |W|^2 flops; a step then costs |W|.
  It pays for wide dense data, where n |W| is small.
* A *streamed Gram* keeps no columns: it reads those of X again whenever W grows. For dense data with more rows than
  columns, or too large to pack.
* *Sparse columns* copy the entries of W; a step costs the entries of one column. For sparse data, unless the
  complete Gram is cheap. While they are few and long they have a Gram matrix too, made row by row of their entries.
* On every Gram form the subproblem is solved exactly by tracing; coordinate descent is there for the other forms, and
  for what tracing leaves. The factor of the active set costs |S|^2 numbers more.
* *Dense columns* (packed, without Gram) are for working sets whose Gram matrix would exceed the cap, and for those of
  many more columns than rows, which an l2 part may fill: there the dual, of n variables, is solved by Newton's method.

What only shows on the way is decided there (``working_problem.pyx``): sparse columns on which descent crawls get a Gram
matrix after all; under an l2 part descent comes before tracing where many features enter at once or where it costs
half as much; and the dual is solved where a support that outnumbers the rows makes tracing dear.
"""

import math
from typing import NamedTuple

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.subproblem.columns import DenseColumns, Form
from fastreg.subproblem.gram import GramForm
from fastreg.subproblem.sparse_columns import SparseColumns

# Memory for the Gram matrix and for the packed columns of the working set, each.
WORKING_SET_MB = 1024
# A complete Gram matrix is computed at once up to this many features ...
COMPLETE_FEATURES = 4096
# ... or, whatever the shape, up to this many multiplications (a few milliseconds).
COMPLETE_FLOPS = 2e7
# ... and for a single alpha up to so many, whose Gram matrix costs less than to read X twice.
FEW_FEATURES = 32
# ... and as often as the weights of its rows change, up to this many.
NEWTON_FLOPS = 5e5
# Columns of so much memory are packed for Newton's models, which read them in every step, whatever the shape.
NEWTON_PACKED_MB = 8
# Newton's models over sparse columns are solved exactly up to so many features: a Gram matrix of short rows is cheap.
NEWTON_GRAM = 256
# Under an l2 part dense columns of more than so many times the rows have no Gram matrix: n^3/3 and a few |W| n for a
# step of Newton's method on the dual, where tracing takes |S|^2 for an event and |S|^3/3 for an alpha.
WIDE = 4
# Where X is dense and n^2 is more than so many times p tracing up to n events, |S| (|S| + |W|) numbers each, costs some
# hundred passes over X: more passes, of smaller steps, are worth a W that holds little besides S.
SLIM = 100
# For sparse data a complete Gram matrix may cost this many multiplications per stored entry.
COMPLETE_FLOPS_PER_ENTRY = 2000.0
# Sparse working columns get a Gram matrix once they hold so many times |W|^2 entries. They lose it below 1 times: an
# epoch of coordinate descent over the columns visits their entries, one over the matrix |W|^2 of its numbers.
GRAM_PAYS = 4.0
# Packed columns are meant to be small beside X itself.
PACKED_MB = 256
# Undecided correlations are evaluated one by one up to these fractions of X: a column of a C-ordered matrix
# drags whole cache lines along, a column of any other is read alone.
PASS_FRACTION = 0.2
PASS_FRACTION_BY_ROW = 0.1
# What solvers that go down their paths in step may hold together, in numbers (2 GB): vectors over features and samples,
# and Gram matrices and packed columns of working sets.
IN_STEP_NUMBERS = 2**28
VECTORS = 24
# For sparse data a factorization may cost so many multiplications per stored entry: what some dozens of iterations of
# conjugate gradients take, which serve all alphas.
RIDGE_FLOPS = 2e4
# For sparse data one Gram matrix may cost so many multiplications per stored entry: what a Newton step's conjugate
# gradients would take.
NEWTON_RIDGE_FLOPS = 1000.0
# A product of two stored entries of a sparse matrix costs as much as so many of packed ones.
PRODUCT_COST = 300.0
# Centers of so many deviations cost four digits of inner products.
FAR = 100.0
# Ridge is solved by a dense factorization up to this many samples or features, by a Krylov method beyond.
FACTOR_SIZE = 4000


def choose_form(design: ScaledDesign, n_alphas: int, smooth: bool = False) -> Form:
    """Return the empty form that suits a path over this design; ``smooth``: every feature has an l2 part."""
    n, p = design.n_rows, design.n_features
    if complete_pays(design, n_alphas, smooth):
        return GramForm(design)
    if design.raw.is_sparse:
        return SparseColumns(design)
    widest = min(p, 2 * min(n, p))
    if 8 * widest * widest > WORKING_SET_MB * 2**20 and 8 * n * widest <= WORKING_SET_MB * 2**20:
        return DenseColumns(design)
    packed = n <= p and 8 * n * widest <= PACKED_MB * 2**20
    return GramForm(design, DenseColumns(design) if packed else None)


def choose_newton_form(design: ScaledDesign) -> Form:
    """Return the empty form that suits Newton's models on working sets of this design, whose weights change."""
    n, p = design.n_rows, design.n_features
    if design.raw.is_sparse:
        return SparseColumns(design)
    size = 8 * n * min(p, 2 * n)
    packed = size <= NEWTON_PACKED_MB * 2**20 or (n <= p and size <= PACKED_MB * 2**20)
    return GramForm(design, DenseColumns(design) if packed else None)


def newton_begins_with_all(design: ScaledDesign) -> bool:
    """Whether the Gram matrix of all features is so cheap that every model may have it."""
    return float(design.n_rows) * design.n_features**2 <= NEWTON_FLOPS


class Budget(NamedTuple):
    """What one solver may spend.

    Attributes
    ----------
    pass_fraction : float
        The fraction of X beyond which undecided correlations are worth a full pass.
    limit : int
        The most features of a working set in the form chosen for it.
    gram_limit : int
        The most features whose Gram matrix is kept.
    gram_pays : float
        Sparse columns get a Gram matrix where they hold more than so many times |W|^2 entries ...
    gram_always : int
        ... and up to so many features.
    wide : int
        Dense columns under an l2 part lose theirs beyond so many features.
    slim : bool
        Whether squared loss goes a long way in steps so small that W keeps up with the support.
    """

    pass_fraction: float
    limit: int
    gram_limit: int
    gram_pays: float
    gram_always: int
    wide: int
    slim: bool


def choose_budget(design: ScaledDesign, form: Form, models: bool = False) -> Budget:
    """Return the budget of a path over this design: what fits into WORKING_SET_MB.

    ``models``: whether subproblems are only models of a loss, of which many are to be solved.
    """
    numbers = WORKING_SET_MB * 2**20 // 8
    gram_limit = max(64, int(math.sqrt(numbers)))
    limit = gram_limit
    if isinstance(form, SparseColumns):
        limit = design.n_features + 1
    if isinstance(form, DenseColumns):
        limit = max(64, numbers // design.n_rows)
    slim = not models and not design.raw.is_sparse and design.n_rows**2 > SLIM * design.n_features
    return Budget(PASS_FRACTION_BY_ROW if design.raw.by_row else PASS_FRACTION, limit, gram_limit, GRAM_PAYS,
                  NEWTON_GRAM if models else 0, WIDE * design.n_rows, slim)  # fmt: skip


def complete_pays(design: ScaledDesign, n_alphas: int, smooth: bool = False) -> bool:
    """Whether to compute the Gram matrix of all features before the first alpha."""
    n, p = design.n_rows, design.n_features
    flops = float(n) * p * p
    if p > COMPLETE_FEATURES or (smooth and p > WIDE * n and not design.raw.is_sparse):
        return False
    if flops <= COMPLETE_FLOPS:
        return True
    if design.raw.is_sparse and flops > COMPLETE_FLOPS_PER_ENTRY * design.raw.n_entries:
        return False
    return p <= n and (n_alphas > 1 or p <= FEW_FEATURES)


def fit_in_step(design: ScaledDesign, count: int) -> bool:
    """Whether so many solvers over this design fit into memory side by side."""
    n, p = design.n_rows, design.n_features
    widest = 0 if design.raw.is_sparse else min(p, 2 * min(n, p))
    return p > 0 and count * (VECTORS * (n + p) + widest * (widest + n)) <= IN_STEP_NUMBERS


def ridge_route(design: ScaledDesign) -> str:
    """Return "primal" (p x p), "dual" (n x n) or "krylov"."""
    n, p = design.n_rows, design.n_features
    flops = float(n) * p * min(n, p)
    if min(n, p) > FACTOR_SIZE or (design.raw.is_sparse and flops > RIDGE_FLOPS * design.raw.n_entries):
        return "krylov"
    return "primal" if p <= n else "dual"


def entries_pay(design: ScaledDesign, features: np.ndarray) -> bool:
    """Whether inner products of rows are made of stored entries of these columns, not of packed columns.

    Entries make N^2/p products or more. Centers far from 0 would take digits away.
    """
    if not design.raw.is_sparse:
        return False
    products = PRODUCT_COST * design.raw.n_entries**2 / (design.raw.n_cols * design.n_features)
    deviation, center = design.norm[features], np.abs(design.center[design.raw_columns(features)])
    return products <= design.n_rows**2 and bool((center <= FAR * deviation).all())


def newton_ridge_route(design: ScaledDesign) -> str:
    """Return "direct" (p x p), "reduced" (n x n) or "krylov" for ridge with other losses than squared loss."""
    n, p = design.n_rows, design.n_features
    flops = float(n) * p * min(n, p)
    if min(n, p) > FACTOR_SIZE or (design.raw.is_sparse and flops > NEWTON_RIDGE_FLOPS * design.raw.n_entries):
        return "krylov"
    return "direct" if p <= n else "reduced"


def alphas_at_once(design: ScaledDesign) -> int:
    """Return for how many alphas residuals and coefficients are held together (about 64 MB)."""
    return max(1, int(np.floor(2**23 / (design.n_rows + design.n_features))))
