"""The pure rules of service requests: each takes a snapshot and returns a change or a refusal."""
