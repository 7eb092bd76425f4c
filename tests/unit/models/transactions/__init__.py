"""Tests of `models.transactions`."""
