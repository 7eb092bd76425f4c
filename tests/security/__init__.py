"""Who may do what, written down and tried; and what a stranger can learn."""
