"""Tests of `schema.documents`."""
