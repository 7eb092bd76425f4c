"""Tests of `models.migration`."""
