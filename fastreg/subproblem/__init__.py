"""The small quadratic problem on the working set: forms of it, and solvers over every form."""
