"""What clients see: types, inputs, and the operations derived from them; this room knows models only."""
