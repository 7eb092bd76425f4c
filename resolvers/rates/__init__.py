"""Rate limits: how much each caller may ask for in a minute or in a day, and may have open at a time."""
