"""The GraphQL fields of our own operations, thin: who is calling, one action, and what to return."""
