"""One module per data set, each with NAME, IS_QUICK and ``load() -> (X, y)``.

X is an array of float64 in Fortran order or a csc_array. ``load`` raises ``benchmarks.loading.Missing`` where the data
are not there. LOSSES is optional: the losses that y suits, squared loss alone where it is missing. For logistic loss
the larger of two values is a 1, or what is positive where there are more; for multinomial loss every value is a class.
"""
