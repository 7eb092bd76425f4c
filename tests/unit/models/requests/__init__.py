"""Tests of `models.requests`."""
