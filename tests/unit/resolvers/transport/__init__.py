"""Tests of `resolvers.transport`."""
