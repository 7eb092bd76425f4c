"""The headers that tell browsers what they must not do with an answer."""

from collections.abc import Iterable

from starlette.types import Scope

from resolvers.middleware.allowed_hosts import is_this_machine
from resolvers.middleware.indexed_headers import Field, request_headers

# An answer that has one of these already, such as GraphiQL's page and files, keeps its own.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_STRICT_TRANSPORT = b"strict-transport-security"
_NAMES = frozenset((*dict(_HEADERS), _STRICT_TRANSPORT))
_TLS = frozenset(("https", "wss"))
YEAR = 365 * 24 * 3600


class SecurityHeaders:
    """Tells which headers an answer needs.

    Args:
        strict_transport: seconds for which browsers shall use TLS only (HSTS), where a request came over TLS. None
            means a year, except for names of this machine: on `localhost` it would hold for every other server,
            too. If seconds are given, a balancer's `X-Forwarded-Proto: https` counts as TLS, too.
    """

    def __init__(self, strict_transport: int | None = None) -> None:
        self._trusts_balancer = strict_transport is not None
        seconds = YEAR if strict_transport is None else strict_transport
        strict = ((_STRICT_TRANSPORT, f"max-age={seconds}".encode()),) if seconds else ()
        self._over_tls = (*_HEADERS, *strict)

    def missing_from(self, headers: Iterable[Field], scope: Scope) -> Iterable[Field]:
        """Return the headers that an answer has not set itself."""
        wanted = self._over_tls if self._is_secure(scope) else _HEADERS
        own = dict(headers)
        return wanted if _NAMES.isdisjoint(own) else [one for one in wanted if one[0] not in own]

    def _is_secure(self, scope: Scope) -> bool:
        """Return whether browsers may be told that this host is always to be reached by TLS."""
        is_tls = scope.get("scheme") in _TLS
        if not self._trusts_balancer:
            return is_tls and not is_this_machine(request_headers(scope))
        return is_tls or (b"x-forwarded-proto", b"https") in scope["headers"]
