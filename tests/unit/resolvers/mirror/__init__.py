"""Tests of `resolvers.mirror`."""
