"""Benchmarks that anyone can repeat: `make bench` for all, `make bench-workflows`, `make bench-rates`."""
