"""Tests of the queues by which several servers hear of changes."""
