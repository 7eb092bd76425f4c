"""How a deployment fares."""
