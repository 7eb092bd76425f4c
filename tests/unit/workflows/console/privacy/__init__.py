"""Tests of `workflows.console.privacy`."""
