"""Tests of `workflows.metrics`."""
