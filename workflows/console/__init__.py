"""What operators run: the dead-letter queue, redriving, checks of the books, and the migration."""
