"""`GET /metrics`, for the program that watches a server, and for nobody else.

A load balancer forwards whatever it is asked for, from an address as private as a scraper's. So without a token
only this machine itself is answered, such as an agent beside the server in its task, and only what comes without
the headers that a proxy adds. With `HOURBANK_METRICS_TOKEN`, whoever sends it as `Authorization: Bearer …` is
answered from anywhere, and nobody else. Others get what they would get if there was no such page.
"""

import secrets
from collections.abc import Callable
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from resolvers.middleware.allowed_hosts import is_this_machine
from resolvers.middleware.indexed_headers import request_headers

PATH = "/metrics"
# What proxies and load balancers add.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-amzn-trace-id", "via")


class MetricsPage:
    """Serves `GET /metrics`.

    Args:
        written: returns the page as it is now.
        token: who sends it may read the page; without one, this machine may.
    """

    def __init__(self, written: Callable[[], bytes], token: SecretStr | None) -> None:
        self._written = written
        self._bearer = None if token is None else f"Bearer {token.get_secret_value()}".encode()

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [Route(PATH, self.page)]

    async def page(self, request: Request) -> Response:
        """Answer with the metrics.

        Raises:
            HTTPException: 404, if the client may not read them.
        """
        if not self._may_read(request):
            raise HTTPException(404)
        headers = {"cache-control": "no-store"}
        return Response(self._written(), media_type=CONTENT_TYPE_LATEST, headers=headers)

    def _may_read(self, request: Request) -> bool:
        if self._bearer is not None:
            sent = request.headers.get("authorization", "").encode()
            return secrets.compare_digest(sent, self._bearer)
        if any(name in request.headers for name in _FORWARDED):
            return False
        # A page of another site whose name was made to lead here names that site as the host.
        return _is_loopback(request) and is_this_machine(request_headers(request.scope))


def _is_loopback(request: Request) -> bool:
    if request.client is None:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
