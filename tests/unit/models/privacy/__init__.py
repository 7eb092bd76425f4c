"""Tests of the rules of what is kept about a member."""
