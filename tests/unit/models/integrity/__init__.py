"""Tests of `models.integrity`."""
