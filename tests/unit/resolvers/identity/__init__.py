"""Tests of `resolvers.identity`."""
