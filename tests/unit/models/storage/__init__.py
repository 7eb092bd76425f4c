"""Tests of `models.storage`."""
