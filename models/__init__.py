"""What HourBank stores and the rules it obeys; this room knows no other."""
