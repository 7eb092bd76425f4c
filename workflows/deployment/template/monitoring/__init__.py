"""The template's monitoring: what people are told of, and what they look at."""
