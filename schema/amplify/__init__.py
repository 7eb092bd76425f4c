"""What Amplify's transformer does: a declared type and its table in, every operation on it out."""
