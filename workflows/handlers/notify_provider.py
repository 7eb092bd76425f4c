"""NotifyProvider: the provider is told of the request and the clock starts; a wait like the others."""

from workflows.handlers.begin_wait import handler

__all__ = ["handler"]
