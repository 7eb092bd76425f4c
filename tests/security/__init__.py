"""Who may do what, as a table that is tested line by line; and what a stranger can learn."""
