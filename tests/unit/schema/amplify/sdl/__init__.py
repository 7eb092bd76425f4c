"""Tests of `schema.amplify`."""
