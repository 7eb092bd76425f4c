"""What every request passes before its route: allowed hosts, request ids, security headers; plain ASGI."""
