"""What a server says of itself to Prometheus, and to whom."""
