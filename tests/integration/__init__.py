"""The whole system on a real local cloud."""
