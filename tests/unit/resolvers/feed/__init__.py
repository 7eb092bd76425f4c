"""Tests of `resolvers.feed`."""
