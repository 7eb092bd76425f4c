"""Tests of `models.transactions.migration`."""
