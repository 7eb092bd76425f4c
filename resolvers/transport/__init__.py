"""The protocols that clients speak: HTTP, graphql-transport-ws, AppSync's real-time protocol, GraphiQL."""
