"""The GraphQL fields of our own operations: who is asking, one call, and what to return."""
