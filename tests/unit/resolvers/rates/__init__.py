"""Tests of `resolvers.rates`."""
