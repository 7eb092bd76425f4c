"""Uvicorn's server, over connections that are bounded."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from resolvers.hosting.connections.acceptor import Acceptor
from resolvers.hosting.connections.descriptors import room
from resolvers.hosting.connections.http_protocol import HttpProtocol
from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.connections.registry import Connection, Connections

# For what the system has received, and we have not read yet.
_LAST_READ_SECONDS = 0.05


class BoundedServer(uvicorn.Server):
    """Serves until a signal comes; then answers what has been asked, and closes every connection.

    Args:
        config: uvicorn's; of its own limits, those of `limits` take the place.
        on_ready: called once connections are accepted.
        limits: the limits of connections.
        proxies: the addresses or networks of proxies whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        *,
        limits: ConnectionLimits,
        proxies: Sequence[str] = (),
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._limits = limits
        self._proxies = ProxyHeadersMiddleware(config.loaded_app, list(proxies)) if proxies else None
        self._acceptors: list[Acceptor] = []
        self._connections: Connections | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections on the sockets."""
        loop = asyncio.get_running_loop()
        self.servers = []
        self._connections = Connections(self._limits, room(self._limits), loop.time)
        self._connections.start(loop)
        for listening in sockets or ():
            acceptor = Acceptor(
                listening, self._connections, self._protocol, tls=self.config.ssl, is_proxy=self._is_proxy
            )
            acceptor.start()
            self._acceptors.append(acceptor)
        self.started = True
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what waits for nothing at once, and the rest when it has been answered."""
        for acceptor in self._acceptors:
            acceptor.close()
        # What has been sent already counts as asked.
        await asyncio.sleep(_LAST_READ_SECONDS)
        if self._connections is not None:
            self._connections.stop()
        await super().shutdown(sockets)
        if self._connections is not None:
            self._connections.end()

    def _protocol(self, connection: Connection) -> HttpProtocol:
        return HttpProtocol(self.config, self.server_state, {}, connection=connection, proxies=self._proxies)

    def _is_proxy(self, address: str) -> bool:
        return self._proxies is not None and address in self._proxies.trusted_hosts
