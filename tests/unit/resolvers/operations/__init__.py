"""Tests of `resolvers.operations`."""
