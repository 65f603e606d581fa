"""One module per data set, each with ``load() -> (X, y, name)``; X is a float64 array or a csc_array."""
