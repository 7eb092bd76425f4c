"""Who is calling: authentication, tokens and their keys, and the local issuer."""
