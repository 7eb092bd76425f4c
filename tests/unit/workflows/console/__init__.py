"""Tests of `workflows.console`."""
