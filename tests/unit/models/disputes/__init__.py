"""Tests of `models.disputes`."""
