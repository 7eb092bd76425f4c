"""The headers that tell browsers what they must not do with an answer."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.middleware.allowed_hosts import is_this_machine

# An answer that has one of these already, such as GraphiQL's page and files, keeps its own.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_NAMES = frozenset(name for name, _ in _HEADERS)
_STRICT_TRANSPORT = b"strict-transport-security"
_STARTS = ("http.response.start", "websocket.http.response.start")
YEAR = 365 * 24 * 3600


class SecurityHeaders:
    """Adds the headers to each answer.

    Args:
        app: what answers.
        strict_transport: seconds for which browsers shall use TLS only (HSTS), where a request came over TLS. None
            means a year, except for names of this machine: on `localhost` it would hold for every other server,
            too. If seconds are given, a balancer's `X-Forwarded-Proto: https` counts as TLS, too.
    """

    def __init__(self, app: ASGIApp, strict_transport: int | None = None) -> None:
        self._app = app
        self._trusts_balancer = strict_transport is not None
        seconds = YEAR if strict_transport is None else strict_transport
        self._strict = [(_STRICT_TRANSPORT, f"max-age={seconds}".encode())] if seconds else []

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let the app answer, and add the headers that the answer has not set itself."""
        if scope["type"] == "lifespan":
            return self._app(scope, receive, send)
        strict = self._strict if self._strict and self._is_secure(scope) else []

        def secured(message: Message) -> Awaitable[None]:
            if message["type"] in _STARTS:
                headers = message.get("headers", ())
                own = _NAMES.intersection(dict(headers))
                missing = [one for one in _HEADERS if one[0] not in own] if own else _HEADERS
                message["headers"] = [*headers, *missing, *strict]
            return send(message)

        return self._app(scope, receive, secured)

    def _is_secure(self, scope: Scope) -> bool:
        """Return whether browsers may be told that this host is always to be reached by TLS."""
        is_tls = scope.get("scheme") in {"https", "wss"}
        if not self._trusts_balancer:
            return is_tls and not is_this_machine(scope["headers"])
        return is_tls or (b"x-forwarded-proto", b"https") in scope["headers"]
