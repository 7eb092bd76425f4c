"""Tests of `workflows.deployment.template`."""
