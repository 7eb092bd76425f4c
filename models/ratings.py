"""Ratings."""

LOWEST = 1
HIGHEST = 5
