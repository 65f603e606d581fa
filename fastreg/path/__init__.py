"""The path over alphas: grid, loop, result."""
