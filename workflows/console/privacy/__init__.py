"""What operators do when a member asks for what is stored about them, or to be erased."""
