"""What every request passes before its route: a request id, the allowed hosts, security headers; plain ASGI."""
