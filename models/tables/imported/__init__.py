"""Tables of the house that only imported apps have."""
