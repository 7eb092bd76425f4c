"""What HourBank stores, and the rules that govern it; imports nothing from the other top-level packages."""
