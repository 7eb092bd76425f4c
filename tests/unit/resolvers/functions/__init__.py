"""Tests of the functions that answer root fields of imported apps."""
