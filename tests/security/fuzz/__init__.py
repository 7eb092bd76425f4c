"""Random input for all three protocols; the same seed makes the same input."""
