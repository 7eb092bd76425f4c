"""ProcessProviderResponse: what the provider has answered, read from the request and not from the timer."""

from workflows.handlers.resume_point import handler

__all__ = ["handler"]
