"""How rows are written: what a new row says, what an update may not change, and the writes themselves."""
