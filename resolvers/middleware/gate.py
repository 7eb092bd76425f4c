"""What every request and every socket passes on its way to the app; plain ASGI."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.middleware.allowed_hosts import AllowedHosts
from resolvers.middleware.request_ids import HEADER, bind_request
from resolvers.middleware.security_headers import SecurityHeaders

_ANSWERS = frozenset(("http.response.start", "websocket.http.response.start"))
_ID_HEADER = HEADER.lower().encode()


class Gate:
    """Gives each request its id, refuses those for hosts that are not ours, and completes the headers of answers.

    It returns what the app returns, without awaiting it: a coroutine of its own would cost more than all it does.

    Args:
        app: what answers.
        hosts: the hosts of ours.
        security: the headers of each answer.
    """

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, security: SecurityHeaders) -> None:
        self._app = app
        self._hosts = hosts
        self._security = security

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let the app answer, or refuse."""
        if scope["type"] == "lifespan":
            return self._app(scope, receive, send)
        id_header = (_ID_HEADER, bind_request(scope).encode())

        def completed(message: Message) -> Awaitable[None]:
            if message["type"] in _ANSWERS:
                own = message.get("headers", ())
                message["headers"] = [*own, *self._security.missing_from(own, scope), id_header]
            elif message["type"] == "websocket.accept":
                message["headers"] = [*message.get("headers", ()), id_header]
            return send(message)

        return (self._hosts.refusal(scope) or self._app)(scope, receive, completed)
