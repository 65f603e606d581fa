cdef int poll() except -1 nogil


cdef class StopFlag:
    cdef int raised

    cdef void attach(self) noexcept nogil
    cdef void detach(self) noexcept nogil
