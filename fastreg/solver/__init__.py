"""One alpha at a time: working set, subproblem, certificate; and ridge, which needs no working set."""
