"""What clients rely on: the schema, real clients, a real browser."""
