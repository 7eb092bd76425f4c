"""Tests of `models.ledger`."""
