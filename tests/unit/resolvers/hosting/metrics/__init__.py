"""Tests of `resolvers.hosting.metrics`."""
