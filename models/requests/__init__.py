"""The rules of service requests, pure: a snapshot in, a change or a refusal out."""
