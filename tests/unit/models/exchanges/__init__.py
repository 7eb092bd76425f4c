"""Tests of `models.exchanges`."""
