"""How each field of the schema is answered, to whom, and what is pushed; this room knows schema and models."""
