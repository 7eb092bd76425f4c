"""What is refused at start."""
