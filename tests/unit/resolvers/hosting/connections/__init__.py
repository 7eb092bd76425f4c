"""Tests of `resolvers.hosting`."""
