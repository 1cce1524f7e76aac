"""Benchmarks: workload v1 through the real services, beside the right answers."""
