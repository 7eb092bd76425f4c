"""The inputs and payloads of our own operations."""
