"""Tests of `resolvers.push`."""
