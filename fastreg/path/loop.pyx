"""The compiled loop over alphas: warm start, solve, record."""

import numpy as np

from fastreg.design.base cimport index_t
from fastreg.solver.working_set cimport WorkingSetSolver


cdef class Trace:
    """What the loop records, one entry an alpha; coefficients in compressed form.

    Attributes
    ----------
    gaps, losses : ndarray (n_alphas,), duality gap and loss in the solver's units
    iterations : ndarray (n_alphas,), events of tracing, epochs of coordinate descent, and Newton steps
    intercepts : ndarray (n_alphas,), what they have moved since the null model, for centered columns
    starts, features, values : the nonzero coefficients of alpha k are those from starts[k] to starts[k + 1]
    """

    def __init__(self, index_t n_alphas):
        # Rows of one array: for a small problem to make a view of an array costs more than to use it.
        numbers, counts = np.empty((3, n_alphas)), np.zeros((2, n_alphas + 1), dtype=np.intp)
        self.gaps, self.losses, self.intercepts = numbers
        self.starts, self.iterations = counts[0], counts[1, :n_alphas]
        self._numbers, self._counts = numbers, counts
        self._grow(256)

    def _grow(self, size):
        used = 0 if self.values is None else len(self.values)
        features, values = np.empty(size, dtype=np.intp), np.empty(size)
        if used:
            features[:used], values[:used] = self.features, self.values
        self.features, self.values = features, values
        self._features, self._values = features, values

    cdef int record(self, index_t k, WorkingSetSolver solver) except -1 nogil:
        cdef index_t end = self._counts[0, k]
        cdef index_t i
        if end + solver.form.count + solver.n_outside > self._values.shape[0]:
            with gil:
                self._grow(2 * len(self.values) + solver.form.count + solver.n_outside)
        for i in range(solver.form.count):
            if solver.form.beta[i] != 0.0:
                self._features[end] = solver.form.feature[i]
                self._values[end] = solver.form.beta[i]
                end += 1
        for i in range(solver.n_features if solver.n_outside else 0):
            if solver.outside[i] != 0.0:
                self._features[end] = i
                self._values[end] = solver.outside[i]
                end += 1
        self._counts[0, k + 1], self._counts[1, k] = end, solver.epochs + solver.events
        self._numbers[0, k], self._numbers[1, k] = solver.gap, solver.loss_value()
        self._numbers[2, k] = solver.intercept
        return 0


def run_path(
    WorkingSetSolver solver, const double[::1] a1, const double[::1] a2, double target, index_t max_iter, callback=None
):
    """Solve for every pair of penalty scales in turn, each from the solution before.

    Parameters
    ----------
    solver : WorkingSetSolver, at its starting point
    a1, a2 : (n_alphas,), scales of the l1 and l2 parts, decreasing
    target : float, duality gap to reach, in the solver's units
    max_iter : int, events of tracing and epochs of coordinate descent per alpha, each
    callback : None or callable(k, features, values, gap) -> bool
        Called after every alpha with the nonzero coefficients; where it returns True the path ends.

    Returns
    -------
    Trace, whose arrays beyond the last alpha are not filled
    """
    cdef Trace trace = Trace(a1.shape[0])
    cdef bint report = callback is not None
    cdef index_t k
    with nogil:
        for k in range(a1.shape[0]):
            solver.set_off(a1[k - 1] if k > 0 else -1.0, a1[k], a2[k], max_iter)
            solver.solve(a1[k], a2[k], target, max_iter)
            trace.record(k, solver)
            if report:
                with gil:
                    part = slice(trace.starts[k], trace.starts[k + 1])
                    fit = trace.features[part], trace.values[part], solver.gap, solver.intercept, trace.losses[k]
                    if callback(k, *fit):
                        break
    return trace
