"""The apps that a server may serve: HourBank, written in Python, or one that its schema.graphql declares."""
