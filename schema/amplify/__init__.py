"""Does what Amplify's transformer does: derives every operation on a type from its declaration and its table."""
