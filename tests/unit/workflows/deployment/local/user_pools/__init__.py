"""Tests of `workflows.deployment.local.user_pools`."""
