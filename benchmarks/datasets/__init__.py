"""One module per data set, each with NAME, IS_QUICK and ``load() -> (X, y)``.

X is an array of float64 in Fortran order or a csc_array. ``load`` raises ``benchmarks.loading.Missing`` where the data
are not there.
"""
