"""Tests of `models`, module by module: the quick tests that must cover every branch of the money's code."""
