"""Tests of `models.constraints`."""
