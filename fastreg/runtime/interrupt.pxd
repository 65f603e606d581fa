cdef int poll() except -1 nogil
