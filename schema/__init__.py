"""What clients see: types, inputs, and the operations derived from them; imports models only."""
