"""Ctrl-C inside kernels that hold no GIL."""

from cpython.exc cimport PyErr_CheckSignals
from libc.time cimport time_t

cdef extern from *:
    """
    #include <time.h>
    #if defined(_MSC_VER)
    #define FASTREG_THREAD_LOCAL __declspec(thread)
    #else
    #define FASTREG_THREAD_LOCAL _Thread_local
    #endif
    /* One clock a thread: signals reach the main thread alone, whose looks no other thread may postpone. */
    static FASTREG_THREAD_LOCAL double fastreg_last_poll = 0.0;
    /* Other threads learn from a flag. */
    static FASTREG_THREAD_LOCAL volatile int *fastreg_stop = NULL;
    """
    double fastreg_last_poll
    int* fastreg_stop

cdef extern from "time.h" nogil:
    cdef struct timespec:
        time_t tv_sec
        long tv_nsec
    int timespec_get(timespec* stamp, int base)
    int TIME_UTC

cdef double POLL_SECONDS = 0.05


cdef class StopFlag:
    """Tells the kernels of the threads that watch it to stop; it has to live as long as they do."""

    def watch(self):
        """Let the kernels of the calling thread look at this flag."""
        self.attach()

    cdef void attach(self) noexcept nogil:
        global fastreg_stop
        fastreg_stop = &self.raised

    cdef void detach(self) noexcept nogil:
        global fastreg_stop
        fastreg_stop = NULL

    def stop(self):
        """Let them raise KeyboardInterrupt."""
        self.raised = 1


cdef int poll() except -1 nogil:
    """Raise KeyboardInterrupt if Ctrl-C was pressed; look at the signals at most every 50 ms."""
    global fastreg_last_poll
    cdef timespec stamp
    cdef double now
    if fastreg_stop != NULL and fastreg_stop[0]:
        with gil:
            raise KeyboardInterrupt
    timespec_get(&stamp, TIME_UTC)
    now = stamp.tv_sec + 1e-9 * stamp.tv_nsec
    if 0.0 <= now - fastreg_last_poll < POLL_SECONDS:
        return 0
    fastreg_last_poll = now
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException:
            # Threads that share a flag with this one stop too.
            if fastreg_stop != NULL:
                fastreg_stop[0] = 1
            raise
    return 0
