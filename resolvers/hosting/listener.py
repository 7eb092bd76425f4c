"""The address that the server listens on, with or without TLS, and uvicorn's settings."""

import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette

from models.errors import ExpectedError
from resolvers.hosting.certificate import Certificate
from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.connections.server import BoundedServer
from resolvers.transport.over_http.bodies import BODY_BYTES


class AddressError(ExpectedError):
    """An address cannot be listened on; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The server's socket.

    Attributes:
        socket: bound to the server's address.
        certificate: what TLS is spoken with, if it is.
        limits: those of its connections.
        proxies: the addresses or networks of proxies whose X-Forwarded-For is believed.
    """

    socket: socket.socket
    certificate: Certificate | None
    limits: ConnectionLimits
    proxies: Sequence[str]

    @property
    def url(self) -> str:
        """Return the URL without a path."""
        host, port = self.socket.getsockname()
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"

    async def serve(self, app: Starlette, on_ready: Callable[[], None]) -> None:
        """Serve until a signal comes; call `on_ready` once the server accepts connections."""
        config = uvicorn.Config(
            app,
            loop="none",  # the one that runs already
            http="httptools",
            ws="websockets-sansio",
            interface="asgi3",  # without this, uvicorn takes a plain function for ASGI 2
            ws_max_size=BODY_BYTES,
            # It keeps some 40 KB for each socket, and compresses what a thousand get a thousand times.
            ws_per_message_deflate=False,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=bool(self.proxies),
            forwarded_allow_ips=list(self.proxies),
            timeout_graceful_shutdown=self.limits.stop_seconds,
            ssl_certfile=self.certificate.server if self.certificate else None,
        )
        config.load()
        server = BoundedServer(config, on_ready, limits=self.limits, proxies=self.proxies)
        await server.serve(sockets=[self.socket])


@contextmanager
def listening(
    host: str,
    port: int,
    certificate: Certificate | None = None,
    limits: ConnectionLimits | None = None,
    proxies: Sequence[str] = (),
) -> Iterator[Listener]:
    """Hold an address for a server that is being put together, so that nobody else takes it meanwhile.

    Args:
        host: the address's host.
        port: its port; 0 for any that is free.
        certificate: what TLS is spoken with, if it is.
        limits: those of connections.
        proxies: the addresses or networks of proxies whose X-Forwarded-For is believed.

    Raises:
        AddressError: it cannot be had.
    """
    # IPPROTO_TCP is named because asyncio sets TCP_NODELAY only then. Without it, the second part of an answer
    # waits up to 40 ms for the acknowledgement of the first.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressError(f"Port {port} is in use; stop what listens there or set PORT.") from None
            raise AddressError(f"{host}:{port} cannot be listened on: {error.strerror}.") from None
        yield Listener(held, certificate, limits or ConnectionLimits(), proxies)
