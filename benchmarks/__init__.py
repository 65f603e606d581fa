"""Benchmarks: speed at equal measured duality gap, passes over X, small fits and memory. See README.md."""
