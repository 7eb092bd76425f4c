"""Tests of `workflows.deployment`."""
