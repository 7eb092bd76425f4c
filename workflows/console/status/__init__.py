"""How a deployment fares: what waits, what is stuck, what has failed, and what mends it."""
