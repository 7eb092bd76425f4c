"""Tests of `workflows.deployment.local`."""
