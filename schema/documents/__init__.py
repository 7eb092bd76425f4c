"""Reads and checks documents before they are executed: their fields, cost and limits."""
