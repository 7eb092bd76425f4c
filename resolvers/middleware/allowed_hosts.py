"""The names under which this server may be called.

A web page whose own host name leads to this machine ("DNS rebinding") could else talk to a local server as if it
were its own. Starlette's `TrustedHostMiddleware` names neither the host nor the way out, and has no exceptions.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Scope

from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers
from resolvers.security_log import SecurityEvent, security_event
from schema.errors import error_body

ANY = "*"
# Stands for every address that is written as such: no page elsewhere has one for its own name.
ADDRESSES = "addresses"
THIS_MACHINE = ("localhost", "*.localhost", "127.0.0.1", "::1")
_SHOWN = 100  # characters of a refused host in the answer


class AllowedHosts:
    """Refuses requests and sockets for a host name that is not ours, with 400.

    Args:
        hosts: names or addresses, without port; `*.example.org` for every name below it, `ADDRESSES` for every
            address, `ANY` for all.
        exempt: paths that may be asked for under any name, as load balancers do when they check the health.
    """

    def __init__(self, hosts: Collection[str], exempt: Collection[str] = ()) -> None:
        self._allows_any = ANY in hosts
        self._names = frozenset(host.lower() for host in hosts)
        self._endings = tuple(host[1:].lower() for host in hosts if host.startswith("*."))
        self._exempt = frozenset(exempt)
        self._admits = lru_cache(maxsize=256)(self._admits_value)  # most requests name the same

    def refusal(self, scope: Scope) -> ASGIApp | None:
        """Return what refuses a request; None if its host is allowed."""
        if self._allows_any or scope["path"] in self._exempt:
            return None
        headers = request_headers(scope)
        if (value := headers.only(b"host")) is not None and self._admits(value):
            return None
        named = hosts_named(headers)
        if len(named) == 1 and self._allows(named[0]):
            return None
        host = ", ".join(named)[:_SHOWN]
        security_event(SecurityEvent.HOST_REFUSED, host=host)
        message = (
            f"The host {host!r} is not allowed; HOURBANK_ALLOWED_HOSTS lists those that are"
            if named
            else "The request names no host"
        )
        return _refusal(message)

    def _admits_value(self, value: str) -> bool:
        return self._allows(_host_in(value))

    def _allows(self, host: str) -> bool:
        return (
            host in self._names or host.endswith(self._endings) or (ADDRESSES in self._names and _is_address(host))
        )


def _refusal(message: str) -> JSONResponse:
    error_type = "HostNotAllowed"
    headers = {"x-amzn-ErrorType": error_type}
    return JSONResponse(error_body(error_type, message), status_code=400, headers=headers)


def hosts_named(headers: IndexedHeaders) -> list[str]:
    """Return the hosts that a request names, in lower case and without port; a valid request names one."""
    return [_host_in(value) for value in headers.getlist("host")]


def is_this_machine(headers: IndexedHeaders) -> bool:
    """Return whether a request calls its host `localhost` or by an address, not by a name of the Internet."""
    return any(
        host in THIS_MACHINE or host.endswith(".localhost") or _is_address(host) for host in hosts_named(headers)
    )


@lru_cache(maxsize=256)  # most requests name the same
def _host_in(value: str) -> str:
    host = value.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
