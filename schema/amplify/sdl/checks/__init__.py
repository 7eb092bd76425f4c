"""What is refused of a schema, or of the rules beside it, at start: each problem with its place."""
