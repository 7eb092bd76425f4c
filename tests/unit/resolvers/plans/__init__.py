"""Tests of `resolvers.plans`."""
