"""Tests of `models.single_table`."""
