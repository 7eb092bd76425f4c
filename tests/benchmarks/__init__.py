"""Figures that anyone can take again: `make bench` and `make bench-workflows`."""
