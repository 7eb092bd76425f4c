"""What operators run: the dead-letter queue, redriving, and a look into the books."""
