"""Tests of the move out of a single table."""
