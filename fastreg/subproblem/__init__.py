"""The small quadratic problem on the working set: forms of it, exact tracing, coordinate descent, and its gap."""
