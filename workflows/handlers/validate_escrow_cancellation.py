"""ValidateEscrowCancellation: is a refund what the request calls for? Nothing is written."""

from workflows.handlers.resume_point import handler

__all__ = ["handler"]
