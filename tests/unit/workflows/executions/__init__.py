"""Tests of `workflows.executions`."""
