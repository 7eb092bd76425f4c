"""What is known of a document before it is executed: its parts, cost and limits."""
