"""What operators run: the dead-letter queue, redriving, and checks of the books."""
