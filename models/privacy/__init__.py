"""What is kept about a member: where it is, what of it is shown to them, and what remains once they are erased."""
