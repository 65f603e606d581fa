"""Several paths over the same X, alpha by alpha and round by round: one reading of X serves them all.

Where the certificate of any path needs a full pass, every path takes part in it with the residual it has: a fresh
reference costs the others nothing, and postpones their own next pass. Between passes the paths are solved side by side
in threads.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc

from fastreg.design.base cimport index_t
from fastreg.path.loop cimport Trace
from fastreg.runtime.interrupt cimport StopFlag
from fastreg.solver.shared_pass cimport SharedPass
from fastreg.solver.working_set cimport WorkingSetSolver


# Columns that any solver asks for are read alone up to this fraction of X; beyond it a full pass serves all.
cdef double SHARED_FRACTION = 0.2


def run_paths(list solvers, a1, a2, const double[::1] targets, index_t max_iter, SharedPass shared, int n_threads,
              callback=None):
    """Solve for every pair of penalty scales in turn, all solvers together.

    Parameters
    ----------
    solvers : list of WorkingSetSolver, at their starting points
    a1, a2 : ndarrays (n_solvers, n_alphas), scales of the l1 and l2 parts, decreasing
    targets : ndarray (n_solvers,), duality gaps to reach, in each solver's units
    max_iter : int, as in ``run_path``
    shared : SharedPass over the columns of all solvers
    n_threads : int, for the solvers between passes
    callback : None or callable(k, i, n_nonzero, gap), called when solver k is done with alpha i

    Returns
    -------
    list of Trace
    """
    cdef double[:, ::1] l1 = np.ascontiguousarray(a1), l2 = np.ascontiguousarray(a2)
    cdef index_t count = len(solvers)
    cdef index_t i, k
    cdef WorkingSetSolver solver
    cdef Trace trace
    cdef Crew crew = Crew(solvers)
    traces = [Trace(l1.shape[1]) for _ in range(count)]
    for i in range(l1.shape[1]):
        for k in range(count):
            solver = solvers[k]
            with nogil:
                solver.set_off(l1[k, i - 1] if i > 0 else -1.0, l1[k, i], l2[k, i], max_iter)
            solver.begin(l1[k, i], l2[k, i], targets[k], max_iter)
            crew.active[k] = 1
        while crew.round(n_threads):
            shared.resolve(solvers, SHARED_FRACTION)
            for k in range(count):
                solver, trace = solvers[k], traces[k]
                solver.n_open = 0
                if crew.active[k] and solver.conclude():
                    crew.active[k] = 0
                    trace.record(i, solver)
                    if callback is not None:
                        callback(k, i, trace.starts[i + 1] - trace.starts[i], solver.gap)
    return traces


cdef class Crew:
    """Solvers whose next steps are taken side by side."""

    cdef list solvers
    cdef void** who
    cdef index_t count
    cdef unsigned char[::1] active
    cdef StopFlag flag

    def __cinit__(self, list solvers):
        cdef index_t k
        self.solvers, self.count, self.flag = solvers, len(solvers), StopFlag()
        self.active = np.zeros(self.count, dtype=np.uint8)
        self.who = <void**> malloc(max(1, self.count) * sizeof(void*))
        if self.who == NULL:
            raise MemoryError
        for k in range(self.count):
            # The list keeps them alive.
            self.who[k] = <void*> solvers[k]

    def __dealloc__(self):
        free(self.who)

    cdef bint round(self, int n_threads) except -1:
        # Let every active solver advance; False where none is active.
        cdef index_t k
        if not np.any(self.active):
            return False
        with nogil:
            for k in prange(self.count, num_threads=n_threads, schedule="dynamic"):
                if self.active[k]:
                    advance(self.who[k], self.flag)
        return True


cdef int advance(void* solver, StopFlag flag) except -1 nogil:
    # Where one thread is told to stop, all are.
    flag.attach()
    try:
        (<WorkingSetSolver> solver).advance()
    finally:
        flag.detach()
    return 0
