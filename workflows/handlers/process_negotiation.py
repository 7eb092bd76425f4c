"""ProcessNegotiation: what the requester has answered a counter-offer, read from the request."""

from workflows.handlers.resume_point import handler

__all__ = ["handler"]
