"""Tests of `workflows.handlers`."""
