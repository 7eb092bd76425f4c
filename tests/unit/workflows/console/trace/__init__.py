"""Tests of `workflows.console.trace`."""
