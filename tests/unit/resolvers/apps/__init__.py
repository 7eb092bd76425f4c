"""Tests of the apps that a server may serve."""
