"""Benchmark: the CPU cost of each hot step on this machine, compared with a minimal version (floor)."""
