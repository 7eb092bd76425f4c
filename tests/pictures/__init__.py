"""The pictures of docs/architecture.md, made from the templates and the state machines' definitions."""
