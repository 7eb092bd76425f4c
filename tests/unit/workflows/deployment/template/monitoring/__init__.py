"""Tests of `workflows.deployment.template.monitoring`."""
