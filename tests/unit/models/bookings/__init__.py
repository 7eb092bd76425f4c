"""Tests of `models.bookings`."""
