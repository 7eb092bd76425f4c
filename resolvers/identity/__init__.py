"""Who is calling: tokens and their keys, the local issuer, and who is let in."""
