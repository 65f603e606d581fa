"""The problem on the working set: the form that it has, and how it is solved there, exactly or by descent."""

import numpy as np

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.penalty.elastic_net cimport Penalty, may_enter
from fastreg.solver.certified cimport CertifiedPoint
from fastreg.subproblem.columns cimport DenseColumns, Form
from fastreg.subproblem.coordinate_descent cimport CoordinateDescent
from fastreg.subproblem.dual_newton cimport DualNewton
from fastreg.subproblem.gap cimport Evidence
from fastreg.subproblem.gram cimport GramForm
from fastreg.subproblem.tracing cimport Tracer

from fastreg.solver.least_squares import hidden_span

# Events after which tracing gives up and coordinate descent takes over: so many, and some for every feature of W.
cdef index_t MAX_EVENTS = 1000
# Steps of Newton's method on the dual.
cdef index_t MAX_STEPS = 50
# Descent crawls once it has taken so many epochs ...
cdef index_t CRAWL = 1000
# ... or at least so many, if the entries of W visited are more than the cube of the support over so much, of which
# tracing an alpha costs a tenth in flops.
cdef index_t SLOW = 100
cdef double TRACED = 40.0
# Sparse columns on which it does have a Gram matrix of at most so many: 128 MB, also for every fold in step.
cdef index_t INSISTED = 4096
# ... which W keeps when it doubles and grows by so many more.
cdef index_t GROWTH = 128
# Half a factor of the support costs its cube over this, in numbers that an epoch visits.
cdef double FACTORED = 120.0
# Descent instead of tracing gets so many epochs at least, or is not tried.
cdef index_t LEAST_EPOCHS = 5
# Tracing costs |S|^3 and so many |S|^2 an event, Newton's method on the dual two factors, of n^3 each: tracing may cost
# twice as much as that.
cdef double EVENT = 30.0
cdef double DUAL = 4.0
# So many features that enter at once under an l2 part are a crowd.
cdef index_t CROWD = 128
# ... for which tracing gets so many events where descent has been slow.
cdef index_t PATIENCE = 256


cdef double sparse_entries(Form form) noexcept nogil:
    # How many entries the sparse columns of a form hold; -1 where it has none such.
    if form.count == 0:
        return -1.0
    if form.kind == 2:
        return form.entries()
    if form.kind == 0 and (<GramForm> form).columns is not None and (<GramForm> form).columns.kind == 2:
        return (<GramForm> form).columns.entries()
    return -1.0


cdef class WorkingProblem(CertifiedPoint):
    """A certified point that can be moved to the solution on its working set.

    Parameters
    ----------
    design, form, penalty : see ``CertifiedPoint``
    free : ndarray (n_free,), features without any penalty or bound
    budget : cost_model.Budget
    """

    def __init__(self, ScaledDesign design, Form form, penalty, free, budget):
        super().__init__(design, form, penalty, budget.pass_fraction)
        self.gram_limit, self.gram_pays, self.gram_always = budget.gram_limit, budget.gram_pays, budget.gram_always
        self.wide = budget.wide
        # Where every column bears an l2 part the dual is smooth.
        self.smooth = np.count_nonzero(penalty["l2"]) == self.n_features
        self.slim = budget.slim
        self.tracer, self.dual = Tracer(), DualNewton()
        gram = design.gram_matrix(free) if len(free) else None
        self.span = hidden_span(design, free, gram)
        self.inner = CoordinateDescent(None if gram is None else np.linalg.pinv(gram, hermitian=True))

    cdef index_t descend(self, const Penalty* pen, double target, double zero_level, index_t most) except -1 nogil:
        # At most so many epochs of coordinate descent on the working set, down to this gap; return how many they were.
        cdef Evidence evidence
        cdef index_t epochs
        evidence.norm, evidence.zero_level = &self.norm[0], zero_level
        evidence.rows.loss, evidence.enough, evidence.tilt = NULL, 0.0, 0.0
        epochs = self.inner.solve(self.form, pen, evidence, target, most)
        if epochs:
            self.tracer.forget()
        self.epochs += epochs
        return epochs

    cdef int reconsider(self) except -1 nogil:
        # Sparse columns get a Gram matrix where an epoch over them costs much more than one over the matrix, |W|^2
        # steps, and lose it where it costs less: W grows faster than its entries. Dense ones get it back where the dual
        # has been no help.
        cdef double square = <double> self.form.count * self.form.count
        cdef double entries = sparse_entries(self.form)
        cdef bint few = 0 < self.form.count <= self.gram_always
        cdef bint pays = self.form.kind == 2 and (few or entries > self.gram_pays * square)
        if (pays and 2 * self.form.count <= self.gram_limit) or (self.form.kind == 1 and self.has_room()):
            with gil:
                self.form = GramForm(self.design, self.form)
                self.form.bind_target(self.target, self.correlation)
        elif self.form.kind == 0 and not few and (self.outnumbers() or (0.0 <= entries < square and not self.complete)):
            with gil:
                self.form = self.form.release()
                self.complete = False
                self.tracer.forget()
            if self.form.weights is None:
                self.form.refresh(&self.target[0])
        return 0

    cdef bint outnumbers(self) noexcept nogil:
        # Whether W, or a support for which descent is slow, has so many more dense columns than there are rows that the
        # dual, with a number a row, is a much smaller problem. (Only under an l2 part may the support do so.)
        cdef double support, n
        if (<GramForm> self.form).columns is None or (<GramForm> self.form).columns.kind != 1:
            return False
        if not self.smooth or self.dual_failed:
            return False
        if self.form.count > self.wide:
            return True
        # Models of other losses, with weights that may be tiny, are solved to more digits by tracing.
        if self.fast or self.form.weights is not None:
            return False
        support, n = self.support(), self.design.n_rows
        return support > n and support**2 * (support + EVENT * self.tracer.events) > DUAL * n**3

    cdef bint has_room(self) noexcept nogil:
        # Whether sparse columns could have a Gram matrix, whatever it costs beside an epoch, or dense ones to which
        # Newton's method on the dual has been no help.
        if self.form.kind == 1:
            return self.dual_failed and 2 * self.form.count <= self.gram_limit
        return self.form.kind == 2 and self.form.count <= min(self.gram_limit // 2, INSISTED)

    cdef index_t crawl(self) noexcept nogil:
        # After so many epochs a Gram matrix would have been better.
        cdef double support = 1.0 + self.support()
        return <index_t> min(max(<double> SLOW, support**3 / (TRACED * max(sparse_entries(self.form), 1.0))), CRAWL)

    cdef index_t support(self) noexcept nogil:
        # How many features of W hold a coefficient.
        cdef index_t count = 0
        cdef index_t i
        for i in range(self.form.count):
            count += self.form.beta[i] != 0.0
        return count

    cdef void insist(self) noexcept nogil:
        # From the next round on sparse working sets of this size have a Gram matrix, and are solved exactly; also when
        # they have grown in between.
        if self.form.kind == 2 and self.has_room():
            self.gram_always = max(self.gram_always, min(2 * self.form.count + GROWTH, INSISTED))

    cdef bint is_crowded(self, const Penalty* pen) noexcept nogil:
        # Whether so many features seem to enter the Gram form at once, under an l2 part, that descent should come
        # before tracing, which takes them in one by one. (Those without a penalty were the first in W.)
        cdef index_t last = self.form.count - 1
        cdef index_t entering = 0
        cdef index_t i
        if self.form.kind != 0 or last < CROWD or pen.a2 * pen.l2[self.form.feature[last]] == 0.0:
            return False
        for i in range(self.form.count):
            if self.form.beta[i] == 0.0:
                entering += may_enter(pen, self.form.feature[i], (<GramForm> self.form).g[i], 0.0)
        return entering >= CROWD

    cdef bint trace_crowd(self, const Penalty* pen, index_t max_iter) except -1 nogil:
        # Whether tracing gets through a crowd with few events. It comes first once descent has not got through one, and
        # for as long as it does: the closer columns are to one another, the slower is descent, and the more of those
        # that seem to enter are kept out by the first that do.
        if not self.slow_descent or self.slow_tracing:
            return False
        self.slow_tracing = not self.trace(pen, min(max_iter, PATIENCE))
        return not self.slow_tracing

    cdef index_t affordable(self, const Penalty* pen) noexcept nogil:
        # How many epochs of descent on the Gram matrix cost half of what tracing would, where an l2 part that has
        # changed asks for a new factor of the support: |S| |W| numbers each, for half of |S|^3 / 60 and of |S|^2 / 2
        # for an event, of which there may be as many as the last time. 0 where they are too few to be tried, or while
        # descent rests, of which this is a turn.
        cdef double support
        cdef index_t epochs
        if self.form.kind != 0 or not self.smooth or pen.a2 == 0.0:
            return 0
        if self.tracer.ready and self.tracer.a2 == pen.a2:
            return 0
        support = self.support()
        epochs = <index_t> (support * (support / FACTORED + 0.25 * self.tracer.events) / max(self.form.count, 1))
        if epochs < LEAST_EPOCHS:
            return 0
        if self.idle > 0:
            self.idle -= 1
            return 0
        return epochs

    cdef void learn(self, bint fast) noexcept nogil:
        # Where descent was no help it is tried again after a while, twice as long each time.
        self.fast = fast
        self.rest = self.idle = 0 if fast else 1 + 2 * self.rest

    cdef bint trace(self, const Penalty* pen, index_t max_iter) except -1 nogil:
        # The exact solution on the working set, by tracing where there is a Gram matrix, by Newton's method on the dual
        # where dense columns outnumber the rows; whether that is what it holds now.
        cdef index_t most = min(max_iter, MAX_EVENTS + 4 * self.form.count)
        cdef bint exact
        cdef const double* target = &self.target[0] if self.form.weights is None else NULL
        if self.form.kind == 1 and self.smooth and self.form.count > self.design.n_rows:
            exact = self.dual.solve(<DenseColumns> self.form, pen, target, min(max_iter, MAX_STEPS))
            self.events += self.dual.steps
            self.dual_failed = self.dual_failed or not exact
            return exact
        if self.form.kind != 0 or self.form.count == 0:
            return self.form.count == 0
        exact = self.tracer.solve(<GramForm> self.form, pen, &self.target[0], most)
        self.events += self.tracer.events
        return exact
