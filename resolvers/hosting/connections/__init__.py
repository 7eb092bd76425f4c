"""Connections below GraphQL: who is let in, how much and how long they may send, and how they are closed."""
